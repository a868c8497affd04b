#include "orrery/base/child_process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>

#include "orrery/base/error.h"

namespace orrery {
namespace {

using Clock = std::chrono::steady_clock;

constexpr size_t kErrorBytes = 64 << 10;
constexpr int kStandardDescriptors = 3;

struct Descriptor {
  int number = -1;
  Descriptor() = default;
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() { close(); }
  void close() {
    if (number >= 0) ::close(number);
    number = -1;
  }
};

struct Pipe {
  Descriptor read, write;
};

Error cannot_start(const std::string& program, int problem) {
  return Error({.doing = "run a program", .where = program, .found = std::strerror(problem)});
}

void open_pipe(Pipe& pipe, const std::string& program) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) throw cannot_start(program, errno);
  for (int& end : ends) {
    if (end >= kStandardDescriptors) continue;  // our own standard streams are closed: the child's must not overlap
    const int above = ::fcntl(end, F_DUPFD_CLOEXEC, kStandardDescriptors);
    ::close(end);
    end = above;
  }
  pipe.read.number = ends[0];
  pipe.write.number = ends[1];
}

std::vector<char*> pointers(const std::vector<std::string>& texts) {
  std::vector<char*> list;
  for (const std::string& text : texts) list.push_back(const_cast<char*>(text.c_str()));
  list.push_back(nullptr);
  return list;
}

std::vector<std::string> small_environment(const std::vector<std::string>& besides) {
  std::vector<std::string> environment = {"LC_ALL=C.UTF-8"};
  environment.insert(environment.end(), besides.begin(), besides.end());
  if (const char* path = std::getenv("PATH")) environment.push_back(std::string("PATH=") + path);
  return environment;
}

void set_limit(int resource, int64_t soft, int64_t hard) {
  const rlimit limit{static_cast<rlim_t>(soft), static_cast<rlim_t>(hard)};
  ::setrlimit(static_cast<__rlimit_resource>(resource), &limit);
}

struct Streams {
  int output, errors, failure;  // failure: where exec's errno goes; it closes itself when exec succeeds
};

// Between fork and exec: only what POSIX allows there, since other threads may have held locks.
[[noreturn]] void become(char* const* arguments, char* const* environment, const ChildLimits& limits, pid_t parent,
                         const Streams& streams) {
  ::setpgid(0, 0);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(127);  // it died before the line above
  ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  struct sigaction plain = {};
  plain.sa_handler = SIG_DFL;
  for (int number = 1; number < NSIG; ++number) ::sigaction(number, &plain, nullptr);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);

  const int nothing = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  ::dup2(nothing, STDIN_FILENO);
  ::dup2(streams.output, STDOUT_FILENO);
  ::dup2(streams.errors, STDERR_FILENO);
  constexpr unsigned kCloseOnExec = 1U << 2;  // CLOSE_RANGE_CLOEXEC, Linux 5.11
  if (::syscall(SYS_close_range, kStandardDescriptors, ~0U, kCloseOnExec) != 0) {
    const long open_max = std::min(::sysconf(_SC_OPEN_MAX), 65536L);
    for (int number = kStandardDescriptors; number < open_max; ++number) ::fcntl(number, F_SETFD, FD_CLOEXEC);
  }

  set_limit(RLIMIT_CORE, 0, 0);
  set_limit(RLIMIT_FSIZE, limits.file_bytes, limits.file_bytes);
  set_limit(RLIMIT_CPU, limits.cpu_seconds, limits.cpu_seconds + 1);  // SIGXCPU, then SIGKILL
  set_limit(RLIMIT_AS, limits.memory_bytes, limits.memory_bytes);
  ::execve(arguments[0], arguments, environment);
  const int problem = errno;
  [[maybe_unused]] const ssize_t told = ::write(streams.failure, &problem, sizeof problem);
  ::_exit(127);
}

// 0 when the program runs.
int exec_problem(int descriptor) {
  int problem = 0;
  ssize_t got;
  do got = ::read(descriptor, &problem, sizeof problem);
  while (got < 0 && errno == EINTR);
  return got == sizeof problem ? problem : 0;
}

// What a stream has said: kept, up to a bound, or told to who listens.
struct Heard {
  std::string& text;
  size_t most;
  const std::function<void(std::string_view)>& listener;
  size_t told = 0;

  // The part that fits; false when there was more.
  bool take(std::string_view part) {
    const std::string_view fits = part.substr(0, most - (listener ? told : text.size()));
    told += fits.size();
    listener ? listener(fits) : static_cast<void>(text.append(fits));
    return fits.size() == part.size();
  }
};

// Takes what has come; closes at the end of the stream. False when there was more than fits.
bool read_some(Descriptor& from, Heard& heard) {
  char buffer[65536];
  const ssize_t got = ::read(from.number, buffer, sizeof buffer);
  if (got < 0 && errno == EINTR) return true;
  if (got <= 0) {
    from.close();
    return true;
  }
  return heard.take({buffer, static_cast<size_t>(got)});
}

// Reads both streams until they end; kExited then, else the limit that was reached.
ChildOutcome::End collect(Pipe& output, Pipe& errors, const ChildLimits& limits, Clock::time_point deadline,
                          const ChildWork& work, ChildOutcome& outcome) {
  Heard said{outcome.output, static_cast<size_t>(limits.output_bytes), work.heard};
  Heard complained{outcome.errors, work.heard ? SIZE_MAX : kErrorBytes, work.heard};
  while (output.read.number >= 0 || errors.read.number >= 0) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
    if (left <= 0) return ChildOutcome::End::kWallLimit;
    pollfd waiting[] = {{output.read.number, POLLIN, 0}, {errors.read.number, POLLIN, 0}};  // -1 is passed over
    if (::poll(waiting, 2, static_cast<int>(std::min<int64_t>(left, 60'000))) <= 0) continue;
    if (waiting[0].revents != 0 && !read_some(output.read, said)) return ChildOutcome::End::kOutputLimit;
    if (waiting[1].revents != 0) read_some(errors.read, complained);
  }
  return ChildOutcome::End::kExited;
}

// Waits for the child's end, or its deadline; then kills what is left of its group and gives the child's status. The
// group is killed before the child is reaped: until then nobody else can have its number.
int wait_for_end(pid_t child, Clock::time_point deadline, ChildOutcome::End& end) {
  while (end == ChildOutcome::End::kExited) {
    siginfo_t ended = {};
    if (::waitid(P_PID, static_cast<id_t>(child), &ended, WEXITED | WNOWAIT | WNOHANG) == 0 && ended.si_pid == child)
      break;
    if (Clock::now() >= deadline) end = ChildOutcome::End::kWallLimit;
    ::poll(nullptr, 0, 2);
  }
  ::kill(-child, SIGKILL);
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) continue;
  return status;
}

}  // namespace

std::optional<std::filesystem::path> find_program(std::string_view name) {
  const char* folders = std::getenv("PATH");
  std::string_view rest = folders == nullptr ? "/usr/local/bin:/usr/bin:/bin" : folders;
  while (!rest.empty()) {
    const std::string_view folder = rest.substr(0, rest.find(':'));
    rest.remove_prefix(std::min(folder.size() + 1, rest.size()));
    if (folder.empty()) continue;  // the current folder, which may be anybody's
    const std::filesystem::path path = std::filesystem::path(folder) / name;
    std::error_code failed;
    if (std::filesystem::is_regular_file(path, failed) && ::access(path.c_str(), X_OK) == 0) return path;
  }
  return std::nullopt;
}

ChildOutcome run_child(const std::vector<std::string>& arguments, const ChildLimits& limits, const ChildWork& work) {
  const std::string& program = arguments.at(0);
  const auto deadline = Clock::now() + std::chrono::seconds(limits.wall_seconds);
  const std::vector<std::string> environment = small_environment(work.environment);
  const std::vector<char*> words = pointers(arguments), variables = pointers(environment);
  Pipe output, errors, failure;
  open_pipe(output, program);
  open_pipe(errors, program);
  open_pipe(failure, program);
  const pid_t parent = ::getpid();
  const pid_t child = ::fork();
  if (child < 0) throw cannot_start(program, errno);
  if (child == 0)
    become(words.data(), variables.data(), limits, parent,
           {output.write.number, errors.write.number, failure.write.number});
  ::setpgid(child, child);  // whoever comes first; the group must exist before it can be killed
  output.write.close();
  errors.write.close();
  failure.write.close();
  const int problem = exec_problem(failure.read.number);

  ChildOutcome outcome;
  if (problem == 0) outcome.end = collect(output, errors, limits, deadline, work, outcome);
  const int status = wait_for_end(child, deadline, outcome.end);
  if (problem != 0) throw cannot_start(program, problem);
  if (outcome.end != ChildOutcome::End::kExited) return outcome;
  if (WIFSIGNALED(status)) {
    outcome.code = WTERMSIG(status);
    outcome.end = outcome.code == SIGXCPU ? ChildOutcome::End::kCpuLimit : ChildOutcome::End::kSignalled;
  } else {
    outcome.code = WEXITSTATUS(status);
  }
  return outcome;
}

}  // namespace orrery

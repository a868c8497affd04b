// Runs before the first paint, so that a dark page never flashes light. A file of its own, because inline scripts are forbidden.

try {
  const theme = localStorage.getItem("orrery.theme");
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
} catch {
  // No storage: the system's own theme holds.
}

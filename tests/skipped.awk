# From JUnit reports of ctest to a list of skipped tests, grouped by reason, and with -v totals=1 the closing line
# "N passed, N failed, N skipped" over all reports. GoogleTest prints the reason on the line after "FILE:LINE: Skipped".
function plain(xml) {
  gsub(/&quot;/, "\"", xml); gsub(/&lt;/, "<", xml); gsub(/&gt;/, ">", xml); gsub(/&apos;/, "'", xml); gsub(/&amp;/, "\\&", xml)
  return xml
}
/<testcase / {
  name = $0; sub(/.*<testcase name="/, "", name); sub(/".*/, "", name); sub(/ +# GetParam.*/, "", name)
  status = $0; sub(/.*status="/, "", status); sub(/".*/, "", status)
  if (status == "run") ++passed
  else if (status == "fail") ++failed
  else { ++skipped; reason = "no reason given"; want = 0; open = 1 }
}
open && want && NF { reason = $0; want = 0 }
open && /: Skipped$/ { want = 1 }
open && /<\/testcase>/ {
  open = 0; reason = plain(reason); name = plain(name)
  if (!(reason in count)) reasons[++n] = reason
  ++count[reason]; names[reason] = names[reason] (names[reason] == "" ? "" : ", ") name
}
END {
  if (skipped) printf "%d skipped:\n", skipped
  for (i = 1; i <= n; ++i) {
    list = names[reasons[i]]
    if (length(list) > 160) list = substr(list, 1, 157) "..."
    printf "  %d: %s\n     %s\n", count[reasons[i]], reasons[i], list
  }
  if (totals) printf "%d passed, %d failed, %d skipped\n", passed, failed, skipped
}

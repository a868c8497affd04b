# Sourced by what drives a browser: $here, $root, node, Chromium and the packages that drive it, or the end of the test as skipped.
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
missing() { printf '%s: Skipped\n%s\n[  SKIPPED ]\n' "$(basename "$0")" "$1"; exit 77; }
command -v node >/dev/null || missing "node is not installed (package nodejs)"
chromium=$(command -v chromium || command -v chromium-browser || command -v google-chrome) || missing "no Chromium is installed (package chromium)"

lock=$(sha256sum "$here/package-lock.json" | cut -c1-12)
modules=${XDG_CACHE_HOME:-$HOME/.cache}/orrery/web-tests-$lock
if [ ! -d "$modules" ]; then
  command -v npm >/dev/null || missing "npm is not installed; it fetches playwright-core and axe-core once"
  mkdir -p "${modules%/*}"
  fresh=$(mktemp -d "${modules%/*}/tmp.XXXXXX")
  cp "$here/package.json" "$here/package-lock.json" "$fresh"
  (cd "$fresh" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error) || { rm -rf "$fresh"; missing "npm could not fetch playwright-core and axe-core"; }
  mv -T "$fresh" "$modules" 2>/dev/null || rm -rf "$fresh"
fi
export ORRERY_WEB_MODULES=$modules ORRERY_CHROMIUM=$chromium

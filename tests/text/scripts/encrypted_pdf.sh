#!/usr/bin/env bash
# Makes tests/fixtures/documents/encrypted.pdf: one page that opens with the password "secret" only. Needs qpdf.
set -euo pipefail
cd "$(dirname "$0")/../../fixtures/documents"
plain=$(mktemp)
trap 'rm -f "$plain"' EXIT
cat >"$plain" <<'PDF'
%PDF-1.4
1 0 obj
<< /Type /Catalog /Pages 2 0 R >>
endobj
2 0 obj
<< /Type /Pages /Kids [3 0 R] /Count 1 >>
endobj
3 0 obj
<< /Type /Page /Parent 2 0 R /MediaBox [0 0 600 800] >>
endobj
trailer
<< /Root 1 0 R >>
PDF
qpdf --static-id --encrypt secret secret 256 -- "$plain" encrypted.pdf || [ $? = 3 ]  # 3: it rebuilt the table, as it should

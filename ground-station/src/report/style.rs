//! The report's one style sheet, and the policy that lets it in and nothing else.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

/// For the screen and for A4.
pub(super) const STYLE: &str = "\
:root{color-scheme:light}\
body{font:10.5pt/1.45 'Noto Sans','Noto Sans CJK SC','Source Han Sans SC','PingFang SC','Microsoft YaHei',sans-serif;color:#12181c;background:#fff;max-width:190mm;margin:8mm auto;padding:0 4mm;font-variant-numeric:tabular-nums}\
h1{font-size:18pt;margin:0 0 2mm}h2{font-size:13pt;margin:8mm 0 2mm;border-bottom:.6pt solid #12181c;padding-bottom:1mm}h3{font-size:11pt;margin:4mm 0 1mm}\
p{margin:1mm 0}.quiet{color:#46525a;font-size:9pt}\
table{border-collapse:collapse;width:100%;font-size:9pt;margin:1mm 0}\
th,td{text-align:left;vertical-align:top;padding:1mm 2mm;border-bottom:.4pt solid #c3cacf}th{font-weight:700;background:#f3f5f6}\
\
dl{display:grid;grid-template-columns:max-content 1fr;gap:.6mm 4mm;margin:1mm 0}dt{color:#46525a}dd{margin:0;overflow-wrap:anywhere}\
code{font:8pt/1.3 'Noto Sans Mono','DejaVu Sans Mono',monospace;overflow-wrap:anywhere}\
.big{font-size:12pt;font-weight:700}.bad{color:#b3130c;font-weight:700}\
figure{margin:1mm 0}figure svg{width:100%;height:auto;max-height:170mm}\
.pics{display:grid;grid-template-columns:1fr 1fr 1fr;gap:3mm}.pics figure{break-inside:avoid}.pics img{width:100%;height:auto;border:.4pt solid #c3cacf}.pics figcaption{font-size:8pt}\
.case{break-inside:avoid-page}.sign{display:grid;grid-template-columns:1fr 1fr;gap:10mm;margin-top:12mm}.sign div{border-top:.6pt solid #12181c;padding-top:1mm}\
tr,dl,h2,h3{break-inside:avoid}h2,h3{break-after:avoid}thead{display:table-header-group}\
@page{size:A4;margin:14mm 12mm}\
@media print{body{max-width:none;margin:0;padding:0}}";

/// Nothing may be asked of any machine, no script may run, and no style but ours is in force.
#[must_use]
pub fn policy() -> String {
    let digest = STANDARD.encode(Sha256::digest(STYLE.as_bytes()));
    format!(
        "default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none'; form-action 'none'"
    )
}

"""Texts that want to be more than text."""

HOSTILE = [
    "<script>alert(1)</script>",
    "</style></script><script>alert(2)</script><style>",
    "</code></summary></details><img src=x onerror=alert(1)>",
    '" onmouseover="alert(1)" style="display:none',
    "]]><failure/><![CDATA[",
    "a | b || c \\| d \\\\| e | `f | g` |",
    "\x1b[31mred\x1b[0m \x1b]0;title\x07 \x1b[2J\x9b1m \x00\x01\x0c \ufffe \uffff \ud800",
    "left \u202eright\u202c \u2066isolate\u2069 \u200bzero\u2028line\u2029",
    "first\n::error::injected\r\n##[add-mask]x",
    "100 % of $x^2$ {{ v.tool }} {% raw %} %0A",
]

"""What a scan of the lines must know of a programming language: its comments, and how a definition begins."""

from __future__ import annotations

import re
from dataclasses import dataclass

_SLASHES = ("//", (("/*", "*/"),))
_HASH: tuple[str, tuple[tuple[str, str], ...]] = ("#", ())
_NO_CALL = (
    r"(?!(?:if|for|while|switch|return|else|do|catch|case|new|throw|delete|using|typedef|goto|sizeof|await|yield)\b)"
)
_MODIFIED = r"[^;=\"'(){}]{0,80}?\b"


@dataclass(frozen=True, slots=True)
class Language:
    """`definition` matches a line, without its indent, on which a function or type begins; `container` one whose
    definition holds others. Patterns take linear time on a line."""

    name: str
    line_comment: str
    block_comments: tuple[tuple[str, str], ...]
    definition: re.Pattern[str]
    container: re.Pattern[str]


def _language(
    name: str,
    comments: tuple[str, tuple[tuple[str, str], ...]],
    definition: str,
    container: str = r"(?!)",
    flags: int = 0,
) -> Language:
    whole = re.compile(f"(?:{container})|(?:{definition})", flags)
    return Language(name, *comments, whole, re.compile(container, flags))


_C_CALLABLE = _NO_CALL + r"[A-Za-z_~][^;={}()#\"']{0,200}\([^;]*$"
_C = _language("c", _SLASHES, _C_CALLABLE, r"(?:typedef\s+)?(?:struct|union|enum)\b[^;()]*$")
_CPP = _language("c++", _SLASHES, _C_CALLABLE + r"|template\b",
                 r"(?:typedef\s+)?(?:class|struct|union|enum|namespace)\b[^;()]*$")  # fmt: skip
_JAVA = _language(
    "java", _SLASHES, _C_CALLABLE, _MODIFIED + r"(?:class|interface|enum|record|struct|namespace)\b[^;]*$"
)
_SCRIPT = _language(
    "javascript",
    _SLASHES,
    r"(?:export\s+)?(?:default\s+)?(?:async\s+)?function\b|(?:export\s+)?(?:const|let|var)\s+\w+[^;\"'`]*?(?:=>|=\s*(?:async\s+)?function\b)"
    r"|(?:export\s+)?type\s+\w+|" + _NO_CALL + r"(?:function\b|[A-Za-z_#$*][^;={}()\"'`]{0,100}\([^;\"'`]*\{\s*$)",
    r"(?:export\s+)?(?:default\s+)?(?:declare\s+)?(?:abstract\s+)?(?:class|interface|namespace|enum|module)\b",
)
_GO = _language("go", _SLASHES, r"func\b|type\s+\w+")
_RUST = _language(
    "rust",
    _SLASHES,
    r"(?:pub(?:\([^)]*\))?\s+)?(?:(?:async|unsafe|const|extern)\s+(?:\"C\"\s+)?)*fn\b|macro_rules!|(?:pub(?:\([^)]*\))?\s+)?type\b",
    r"(?:pub(?:\([^)]*\))?\s+)?(?:unsafe\s+)?(?:impl|trait|struct|enum|mod|union)\b[^;]*$",
)
_SHELL = _language("shellscript", _HASH, r"function\s+[\w:.-]+|[\w:.-]+\s*\(\s*\)")
_JULIA = _language("julia", ("#", (("#=", "=#"),)), r"(?:function|macro|abstract\s+type)\b|[A-Za-z_]\w*\([^=]*\)\s*=(?!=)",
                   r"(?:mutable\s+)?(?:struct|module|baremodule)\b")  # fmt: skip
_R = _language("r", _HASH, r"[\w.]+\s*(?:<-|=)\s*function\b|set(?:Class|Generic|Method|RefClass)\(")
_SQL = _language("sql", ("--", (("/*", "*/"),)), r"(?:create|alter|with)\b", flags=re.IGNORECASE)
_RUBY = _language("ruby", ("#", (("=begin", "=end"),)), r"def\b", r"(?:class|module)\b")
_LUA = _language("lua", ("--", (("--[[", "]]"),)), r"(?:local\s+)?function\b|(?:local\s+)?[\w.]+\s*=\s*function\b")
_SWIFT = _language("swift", _SLASHES, _MODIFIED + r"(?:func|init)\b",
                   _MODIFIED + r"(?:class|struct|enum|protocol|extension|actor)\b")  # fmt: skip
_KOTLIN = _language("kotlin", _SLASHES, _MODIFIED + r"fun\b", _MODIFIED + r"(?:class|interface|object)\b")
_SCALA = _language("scala", _SLASHES, _MODIFIED + r"(?:def|given)\b", _MODIFIED + r"(?:class|object|trait)\b")
_PHP = _language("php", _SLASHES, _MODIFIED + r"function\b", _MODIFIED + r"(?:class|interface|trait)\b")
_PERL = _language("perl", ("#", (("=pod", "=cut"),)), r"sub\b", r"package\b")
_MATLAB = _language("matlab", ("%", (("%{", "%}"),)), r"function\b", r"classdef\b")
_HASKELL = _language("haskell", ("--", (("{-", "-}"),)), r"[a-z_]\w*'*\s*::|(?:data|newtype|type|class|instance)\b")

LANGUAGES: dict[str, Language] = {
    **dict.fromkeys((".c", ".h"), _C),
    **dict.fromkeys((".cc", ".cpp", ".cu", ".cuh", ".cxx", ".hh", ".hpp"), _CPP),
    **dict.fromkeys((".cs", ".java"), _JAVA),
    **dict.fromkeys((".js", ".jsx", ".mjs", ".ts", ".tsx"), _SCRIPT),
    **dict.fromkeys((".kt", ".kts"), _KOTLIN),
    **dict.fromkeys((".bash", ".sh", ".zsh"), _SHELL),
    ".go": _GO,
    ".hs": _HASKELL,
    ".jl": _JULIA,
    ".lua": _LUA,
    ".m": _MATLAB,
    ".php": _PHP,
    ".pl": _PERL,
    ".r": _R,
    ".rb": _RUBY,
    ".rs": _RUST,
    ".scala": _SCALA,
    ".sql": _SQL,
    ".swift": _SWIFT,
}

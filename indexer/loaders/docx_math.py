"""Word's formulas (Office Math, ECMA-376 part 1, section 22.1) as TeX: what occurs in lecture notes."""

from __future__ import annotations

from lxml import etree

MATH = ("http://schemas.openxmlformats.org/officeDocument/2006/math",
        "http://purl.oclc.org/ooxml/officeDocument/math")  # fmt: skip

_PROPERTIES = "Pr"  # the end of the name of each element that only says how something looks
_NAMES = ("e", "sub", "sup", "num", "den", "deg", "fName", "lim", "mr")  # of parts


def to_tex(formula: etree._Element) -> str:
    """The formula in one line of TeX; what has no rule is written as its parts side by side."""
    kind = local_name(formula)
    if kind == "t":
        return formula.text or ""
    children = [(local_name(child), to_tex(child)) for child in formula if not local_name(child).endswith(_PROPERTIES)]
    separator = " & " if kind == "mr" else r" \\ " if kind in ("m", "eqArr") else ""
    parts = {name: separator.join(tex for other, tex in children if other == name) for name in _NAMES}
    known = _combined(kind, parts, formula)
    return "".join(tex for _, tex in children) if known is None else known


def _combined(kind: str, parts: dict[str, str], formula: etree._Element) -> str | None:
    """The TeX of a formula of that kind from that of its parts; None for a kind without a rule."""
    base, sub, sup = parts["e"], parts["sub"], parts["sup"]
    match kind:
        case "f":
            return rf"\frac{{{parts['num']}}}{{{parts['den']}}}"
        case "sSup" | "sSub" | "sSubSup":
            return base + _scripts(sub, sup)
        case "nary":
            return _property(formula, "chr", "∫") + _scripts(sub, sup) + " " + base
        case "rad":
            degree = parts["deg"]
            return rf"\sqrt[{degree}]{{{base}}}" if degree else rf"\sqrt{{{base}}}"
        case "d":
            return _property(formula, "begChr", "(") + base + _property(formula, "endChr", ")")
        case "func":
            return f"{parts['fName']} {base}"
        case "bar":
            return rf"\overline{{{base}}}"
        case "acc":
            return rf"\hat{{{base}}}" if _property(formula, "chr", "̂") == "̂" else base
        case "m":
            return rf"\begin{{matrix}} {parts['mr']} \end{{matrix}}"
        case "limLow":
            return base + _scripts(parts["lim"], "")
        case "eqArr" | "mr":
            return base
    return None


def _scripts(sub: str, sup: str) -> str:
    return (f"_{{{sub}}}" if sub else "") + (f"^{{{sup}}}" if sup else "")


def _property(formula: etree._Element, name: str, default: str) -> str:
    """A sign that the formula's properties state."""
    stated = next((e for child in formula if local_name(child).endswith(_PROPERTIES) for e in child if local_name(e) == name),
                  None)  # fmt: skip
    if stated is None:
        return default
    return next((value for key, value in stated.attrib.items() if key.endswith("}val")), "")


def local_name(element: etree._Element) -> str:
    """The element's name without its namespace, which may hold any character."""
    return str(element.tag).rpartition("}")[2]

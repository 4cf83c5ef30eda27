"""Reads reports with pikepdf (qpdf): tagged, PDF/A as they say, every font embedded, every figure with words, nothing that runs.

Usage: pdf.py REPORT.pdf ...
"""

import re
import sys

import pikepdf


def below(node, seen):
    """The structure elements below a node, in their order."""
    kids = node.get("/K", [])
    for kid in kids if isinstance(kids, pikepdf.Array) else [kids]:
        if isinstance(kid, pikepdf.Dictionary) and "/S" in kid and kid.objgen not in seen:
            seen.add(kid.objgen)
            yield kid
            yield from below(kid, seen)


for path in sys.argv[1:]:
    pdf = pikepdf.open(path)
    assert not pdf.check_pdf_syntax(), path
    root = pdf.Root
    with pdf.open_metadata() as about:
        part, conformance = about.get("pdfaid:part"), about.get("pdfaid:conformance")
        assert (part, conformance) in {("2", "A"), ("3", "A"), ("4", None)}, (path, part, conformance)
        assert about.get("dc:title"), path
    assert root.MarkInfo.Marked and root.Lang, path
    assert root.OutputIntents[0].S == "/GTS_PDFA1" and "/DestOutputProfile" in root.OutputIntents[0], path
    for name in ("/AA", "/AcroForm", "/OpenAction"):
        assert name not in root, (path, name)
    assert "/JavaScript" not in root.get("/Names", {}), path

    fonts = {}
    for page in pdf.pages:
        assert "/AA" not in page, path
        for font in page.get("/Resources", {}).get("/Font", {}).values():
            fonts[str(font.BaseFont)] = font
    for name, font in fonts.items():
        inner = font.DescendantFonts[0] if "/DescendantFonts" in font else font
        assert any(key in inner.FontDescriptor for key in ("/FontFile2", "/FontFile3")), (path, name)
        assert "/ToUnicode" in font and re.match(r"/[A-Z]{6}\+", name), (path, name)

    elements = list(below(root.StructTreeRoot, set()))
    kinds = [str(element.S) for element in elements]
    levels = [int(kind[2]) for kind in kinds if re.fullmatch(r"/H[1-6]", kind)]
    assert levels and levels[0] == 1 and all(b <= a + 1 for a, b in zip(levels, levels[1:])), (path, levels)
    figures = [element for element in elements if element.S == "/Figure"]
    assert all(str(figure.get("/Alt", "")).strip() for figure in figures), path
    assert "/Table" in kinds and "/TH" in kinds, path
    print(f"{path}: PDF/A-{part}{(conformance or '').lower()}, {len(pdf.pages)} pages, {len(fonts)} fonts, "
          f"{len(elements)} elements, {len(figures)} figures with words")

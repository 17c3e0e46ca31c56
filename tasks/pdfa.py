"""What PDF/A-2b asks of a document besides its pages, and what it forbids (ISO 19005-2).

`make_plain` takes away what must not be there; `blockers` names what cannot be mended by taking away: such a document
becomes a plain PDF, and its record says why.
"""

import datetime as dt
from collections.abc import Iterator
from functools import cache

import pikepdf
from pikepdf import Array, Dictionary, Name
from PIL import ImageCms

from tasks.font_widths import has_true_widths

CONFORMANCE = "PDF/A-2b"
PRODUCER = "Muniment"

# Actions that may not be (6.5.1), and annotations without a place in an archive (6.3.1).
_ACTIONS = ("/Launch", "/Sound", "/Movie", "/ResetForm", "/ImportData", "/Hide", "/SetOCGState", "/Rendition",
            "/Trans", "/GoTo3DView", "/JavaScript", "/SubmitForm")  # fmt: skip
_ANNOTATIONS = ("/3D", "/Sound", "/Screen", "/Movie", "/FileAttachment")
_ROOT_KEYS = ("/AA", "/OpenAction", "/JavaScript", "/AF", "/Collection", "/Requirements", "/Perms", "/Metadata",
              "/NeedsRendering", "/PieceInfo", "/SpiderInfo", "/Legal")  # fmt: skip
_PRINT, _HIDDEN_FLAGS = 4, 1 | 2 | 32 | 256  # annotation flags (ISO 32000-1, 12.5.3)
_FONT_FILES = ("/FontFile", "/FontFile2", "/FontFile3")
_MAX_DEPTH = 8  # forms within forms
_CMYK = ("/DeviceCMYK", "/CMYK")
_CMYK_SAMPLES = 4
_NO_PROFILE = "colours of print without their profile"
_MIN_SIDE, _MAX_SIDE = 3, 14_400  # points of a page (6.1.13)


@cache
def srgb_profile() -> bytes:
    """Return an sRGB profile, the same bytes at any time: its date (bytes 24 to 36) is fixed."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    date = b"".join(value.to_bytes(2, "big") for value in (2000, 1, 1, 0, 0, 0))
    return profile[:24] + date + profile[36:84] + b"\0" * 16 + profile[100:]


def xmp(conforms: bool, created: dt.datetime | None) -> bytes:
    """Return the XMP packet: producer, time of making where given, and part 2, level B where it conforms."""
    claim = "<pdfaid:part>2</pdfaid:part><pdfaid:conformance>B</pdfaid:conformance>" if conforms else ""
    made = f"<xmp:CreateDate>{created.isoformat(timespec='seconds')}</xmp:CreateDate>" if created else ""
    return (
        '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>\n'
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        '<rdf:Description rdf:about="" xmlns:pdf="http://ns.adobe.com/pdf/1.3/" '
        'xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmlns:pdfaid="http://www.aiim.org/pdfa/ns/id/">'
        f"<pdf:Producer>{PRODUCER}</pdf:Producer>{made}{claim}"
        "</rdf:Description></rdf:RDF></x:xmpmeta>\n"
        '<?xpacket end="w"?>'
    ).encode()


def add_identity(document: pikepdf.Pdf, conforms: bool, created: dt.datetime | None) -> None:
    """Give a document its output intent and metadata; an archival intent of its own is kept."""
    root = document.Root
    if not _has_intent(root):
        profile = pikepdf.Stream(document, srgb_profile(), N=3)
        intent = Dictionary(
            Type=Name.OutputIntent, S=Name.GTS_PDFA1, OutputConditionIdentifier="sRGB", Info="sRGB",
            DestOutputProfile=document.make_indirect(profile),
        )  # fmt: skip
        root.OutputIntents = Array([intent])
    metadata = pikepdf.Stream(document, xmp(conforms, created))
    metadata.Type, metadata.Subtype = Name.Metadata, Name.XML
    root.Metadata = document.make_indirect(metadata)


def make_plain(document: pikepdf.Pdf) -> None:
    """Take away scripts, actions, attachments and what else may not be in an archive; pages keep their look."""
    root = document.Root
    for key in _ROOT_KEYS:
        _drop(root, key)
    names = root.get("/Names")
    if isinstance(names, Dictionary):
        for key in ("/JavaScript", "/EmbeddedFiles", "/AlternatePresentations"):
            _drop(names, key)
    form = root.get("/AcroForm")
    if isinstance(form, Dictionary):
        for key in ("/XFA", "/NeedAppearances", "/SigFlags"):
            _drop(form, key)
        _drop_actions(form.get("/Fields"), 0)
    _name_layers(root)
    if "/Info" in document.trailer:
        del document.trailer["/Info"]
    for page in document.pages:
        _make_page_plain(page.obj)
    for thing in document.objects:  # descriptions of parts say what no archive's schema knows (6.6.2.3)
        if isinstance(thing, Dictionary | pikepdf.Stream):
            _drop(thing, "/Metadata")


def _name_layers(root: pikepdf.Object) -> None:
    """Give each setting of the layers a name of its own and no automatic states (6.9)."""
    layers = root.get("/OCProperties")
    if isinstance(layers, Dictionary):
        for number, setting in enumerate((layers.get("/D"), *_items(layers.get("/Configs")))):
            if isinstance(setting, Dictionary):
                setting.Name = pikepdf.String(f"Layers {number}")
                _drop(setting, "/AS")


def blockers(document: pikepdf.Pdf) -> Iterator[str]:
    """Yield the reasons, without names, why a document made plain still is no PDF/A-2b.

    Fonts, colours and sizes are looked at, and mended where taking away mends; a full validation finds more.
    """
    has_intent = _has_intent(document.Root, _CMYK_SAMPLES)
    for page in document.pages:
        yield from _resources_blockers(page.resources, has_intent, 0)
        sides = [abs(float(page.mediabox[i + 2]) - float(page.mediabox[i])) for i in (0, 1)]
        if min(sides) < _MIN_SIDE or max(sides) > _MAX_SIDE:
            yield "a page is too small or too large"
        for annotation in _items(page.obj.get("/Annots")):
            if isinstance(annotation, Dictionary):
                yield from _annotation_blockers(annotation, has_intent)
        if not has_intent and _paints_cmyk(page):
            yield _NO_PROFILE


def _make_page_plain(page: pikepdf.Object) -> None:
    for key in ("/AA", "/PieceInfo", "/Thumb", "/ArtBox", "/BleedBox", "/TrimBox"):
        _drop(page, key)
    annotations = page.get("/Annots")
    if not isinstance(annotations, Array):
        _drop(page, "/Annots")
        return
    kept = [a for a in annotations.as_list() if isinstance(a, Dictionary) and _is_kept(a)]
    for annotation in kept:
        _drop(annotation, "/AA")
        _drop_forbidden_action(annotation)
        flags = int(annotation.get("/F", 0))
        if annotation.get("/Subtype") != "/Popup":
            annotation.F = (flags | _PRINT) & ~_HIDDEN_FLAGS
        if isinstance(annotation.get("/V"), Dictionary) and "/ByteRange" in annotation.V:
            del annotation["/V"]  # a signature does not survive a copy: the original keeps it
    page.Annots = Array(kept)


def _is_kept(annotation: Dictionary) -> bool:
    """Keep annotations that PDF/A knows and that have a look of their own (6.3.3)."""
    kind = str(annotation.get("/Subtype", ""))
    if kind in _ANNOTATIONS or not kind:
        return False
    if kind in ("/Link", "/Popup"):
        return True
    appearance = annotation.get("/AP")
    return isinstance(appearance, Dictionary) and "/N" in appearance


def _drop_forbidden_action(owner: Dictionary) -> None:
    action = owner.get("/A")
    if isinstance(action, Dictionary) and (str(action.get("/S", "")) in _ACTIONS or "/Next" in action):
        del owner["/A"]


def _drop_actions(fields: object, depth: int) -> None:
    if not isinstance(fields, Array) or depth > _MAX_DEPTH:
        return
    for field in fields.as_list():
        if isinstance(field, Dictionary):
            _drop(field, "/AA")
            _drop_forbidden_action(field)
            if isinstance(field.get("/V"), Dictionary) and "/ByteRange" in field.V:
                del field["/V"]
            _drop_actions(field.get("/Kids"), depth + 1)


def _resources_blockers(resources: object, has_intent: bool, depth: int) -> Iterator[str]:
    if not isinstance(resources, Dictionary) or depth > _MAX_DEPTH:
        return
    for font in _values(resources.get("/Font")):
        if isinstance(font, Dictionary):
            yield from _font_blockers(font)
    for space in _values(resources.get("/ColorSpace")):
        if not has_intent and _is_cmyk(space, 0):
            yield _NO_PROFILE
    for state in _values(resources.get("/ExtGState")):
        if isinstance(state, Dictionary):
            _drop(state, "/TR")
            _drop(state, "/HTP")
    for thing in _values(resources.get("/XObject")):
        if isinstance(thing, pikepdf.Stream):
            yield from _stream_blockers(thing, has_intent, depth)


def _font_blockers(font: pikepdf.Object) -> Iterator[str]:
    if not _is_embedded(font):
        yield "a font is not embedded"
        return
    parts = font.get("/DescendantFonts")
    if isinstance(parts, Array) and len(parts) and not has_true_widths(parts[0]):
        yield "a font states other widths than it has"


def _stream_blockers(thing: pikepdf.Stream, has_intent: bool, depth: int) -> Iterator[str]:
    kind = thing.get("/Subtype")
    for part in (thing, thing.get("/SMask"), thing.get("/Mask")):
        if isinstance(part, pikepdf.Stream):
            for key in ("/OPI", "/Alternates", "/Interpolate"):
                _drop(part, key)
    if kind == "/PS":
        yield "a PostScript object"
    elif kind == "/Form":
        yield from _resources_blockers(thing.get("/Resources"), has_intent, depth + 1)
    elif not has_intent and _is_cmyk(thing.get("/ColorSpace"), 0):
        yield _NO_PROFILE
    elif "/LZWDecode" in [str(name) for name in (thing.get("/Filter"), *_items(thing.get("/Filter")))]:
        yield "a picture coded as LZW"


def _annotation_blockers(annotation: pikepdf.Object, has_intent: bool) -> Iterator[str]:
    appearance = annotation.get("/AP")
    if not isinstance(appearance, Dictionary):
        return
    for key in ("/D", "/R"):  # only the normal look may be (6.3.3)
        _drop(appearance, key)
    look = appearance.get("/N")
    for form in (look, *_values(look)):
        if isinstance(form, pikepdf.Stream):
            yield from _stream_blockers(form, has_intent, 0)


def _is_cmyk(space: object, depth: int) -> bool:
    """Tell whether a colour space is, or falls back on, the colours of an unknown printer."""
    if isinstance(space, Array) and depth < _MAX_DEPTH:
        return any(_is_cmyk(part, depth + 1) for part in space.as_list())
    return str(space) in _CMYK if isinstance(space, Name) else False


def _paints_cmyk(page: pikepdf.Page) -> bool:
    try:
        return bool(pikepdf.parse_content_stream(page, operators="k K"))
    except pikepdf.PdfError:  # what cannot be read is not vouched for
        return True


def _is_embedded(font: pikepdf.Object) -> bool:
    """Tell whether a font's program is in the document; a Type 3 font is its own."""
    kind = font.get("/Subtype")
    if kind == "/Type3":
        return True
    if kind == "/Type0":
        parts = font.get("/DescendantFonts")
        inner = parts[0] if isinstance(parts, Array) and len(parts) else None
        return isinstance(inner, Dictionary) and _is_embedded(inner)
    descriptor = font.get("/FontDescriptor")
    if isinstance(descriptor, Dictionary):
        _drop(descriptor, "/CIDSet")  # not needed, and many writers' are wrong (6.2.11.4.2)
    return isinstance(descriptor, Dictionary) and any(name in descriptor for name in _FONT_FILES)


def _has_intent(root: pikepdf.Object, samples: int | None = None) -> bool:
    """Tell whether a document has an archival output intent, for pixels of so many samples where that is given."""
    for intent in _items(root.get("/OutputIntents")):
        profile = intent.get("/DestOutputProfile") if isinstance(intent, Dictionary) else None
        if isinstance(profile, pikepdf.Stream) and intent.get("/S") == "/GTS_PDFA1":
            return samples is None or int(profile.get("/N", 0)) == samples
    return False


def _items(array: object) -> list[pikepdf.Object]:
    return list(array.as_list()) if isinstance(array, Array) else []


def _values(dictionary: object) -> list[pikepdf.Object]:
    return [dictionary[key] for key in dictionary.keys()] if isinstance(dictionary, Dictionary) else []  # noqa: SIM118


def _drop(dictionary: pikepdf.Object, key: str) -> None:
    if key in dictionary:
        del dictionary[key]

"""Words that names of firms are made of, by which one misread letter of such a word is put right.

Common words of the trades in English, Malay, German and Spanish; no firm's own name. A word is changed only where one
letter differs, is one that readers of print take for the other, and exactly one word of the list fits.
"""

import re

from rapidfuzz.distance import Hamming

SHORTEST = 6  # letters; shorter words have too many neighbours

_WORDS = """
academy accessories agency apparel associates automotive autoservice bakery beauty beverage bistro bookshop bookstore
boutique building business catering ceramic chemist cinema clinic clothing coffee college communication company
complex computer construction consultancy consulting convenience corporation cosmetics curtain delivery dental
department development dispensary distribution distributor electric electrical electronic electronics engineering
enterprise enterprises entertainment equipment exchange factory family fashion florist foodcourt footwear furniture
gallery garden general gifts grocery hardware health holdings hospital hospitality household imports industrial
industries insurance international investment jewellery kitchen laundry leather lighting limited liquor machinery
management manufacturing market marketing materials medical merchandise minimarket motors network nursery optical
packaging paints parking partners pastries petroleum pharmacy photography plastics plumbing printing products
properties provision publishing resources restaurant restoran retail sanitary seafood security service services
shopping solutions sports station stationers stationery station store stores studio supermarket supplies supply
systems technology textile trading transport travel tyres university utilities vegetarian ventures veterinary
warehouse wellness wholesale workshop perniagaan pembekal kedai kopitiam makanan restoran peralatan pasaraya
apotheke backerei baumarkt buchhandlung drogerie fleischerei gartencenter getranke lebensmittel metzgerei supermarkt
tankstelle
asesores asesoria asociados autoescuela automocion bodegas cafeteria carpinteria clinica comercial compania
construcciones consultores consultoria cooperativa cristaleria decoracion distribuciones electricidad estudio
excavaciones farmacia ferreteria fontaneria formacion gasolinera gestoria hermanos hosteleria imprenta industrias
informatica ingenieria inmobiliaria instalaciones inversiones joyeria lavanderia libreria limpiezas logistica maderas
mantenimiento maquinaria materiales mercado muebles navarro optica panaderia papeleria peluqueria perfumeria pinturas
productos promociones proyectos recambios reformas restaurante seguridad servicios sociedad suministros supermercado
talleres telecomunicaciones textiles transportes urbana viajes vinicola viveros zapateria
""".split()  # noqa: SIM905  read as text

_CONFUSED = (
    "il1tj", "o0cuq", "e3cf", "s5g", "b8h6", "g9qb6", "t7fil1", "nmhru", "uvo", "z27", "a4o", "d0o", "rnkt", "kxrh",
    "pf", "ywv",
)  # fmt: skip
_BY_LENGTH: dict[int, list[str]] = {}
for _word in dict.fromkeys(_WORDS):
    _BY_LENGTH.setdefault(len(_word), []).append(_word)
_KNOWN = frozenset(_WORDS)


def mend(name: str) -> str:
    """Return a name with words of the list put right where one letter was misread; case is kept."""
    return re.sub(r"[A-Za-z0-9]+", _mend_word, name)


def _mend_word(match: "re.Match[str]") -> str:
    word = match[0]
    lower = word.lower()
    if len(word) < SHORTEST or lower in _KNOWN or not word.isascii():
        return word
    near = [known for known in _BY_LENGTH.get(len(word), ()) if Hamming.distance(lower, known, score_cutoff=1) <= 1]
    if len(near) != 1:
        return word
    place = next(index for index in range(len(word)) if lower[index] != near[0][index])
    pair = {lower[place], near[0][place]}
    if not any(pair <= set(group) for group in _CONFUSED):
        return word
    right = near[0][place]
    upper = word.isupper() or (word[place].isupper() and place == 0) or sum(c.isupper() for c in word) > len(word) / 2
    return word[:place] + (right.upper() if upper else right) + word[place + 1 :]

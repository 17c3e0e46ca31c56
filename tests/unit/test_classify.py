import pytest

from records.class_library import shipped_library
from tasks.describe import suggest_class
from tests.corpus.drawn_documents import DOCUMENTS
from tests.corpus.drawn_pages import page

LIBRARY = shipped_library()

OTHERS = {
    "letter": """
Ayuntamiento de Villanueva
Plaza Mayor 1

Villanueva, 3 de febrero de 2025

Asunto: obras en la calle Real

Estimado vecino:
Le informamos de que las obras comienzan el lunes.

Atentamente,
La alcaldesa
""",
    "contract": """
CONTRATO DE ARRENDAMIENTO DE VIVIENDA
En Burgos, a 1 de septiembre de 2024
REUNIDOS
De una parte, Ana Ruiz Gil, en adelante el arrendador
De otra parte, Luis Soto Paz, en adelante el arrendatario
MANIFIESTAN
CLÁUSULAS
PRIMERA. Duración. El contrato tendrá una duración de un año.
""",
    "payslip": """
RECIBO INDIVIDUAL JUSTIFICATIVO DEL PAGO DE SALARIOS
Empresa: Talleres Norte S.L.        Trabajador: Eva Díaz Mora
Periodo de liquidación: enero 2025
DEVENGOS
Salario base              1.500,00
TOTAL DEVENGADO           1.500,00
DEDUCCIONES
Contingencias comunes        70,50
TOTAL A DEDUCIR              70,50
LÍQUIDO TOTAL A PERCIBIR  1.429,50
""",
    "delivery_note": """
Maderas del Norte S.L.
ALBARÁN Nº 5521          Fecha: 04/02/2025
Cliente: Muebles Vega S.A.
Cantidad    Descripción        Bultos
10          Tablero pino       2
Recibí conforme
""",
    "identity": """
ESPAÑA
DOCUMENTO NACIONAL DE IDENTIDAD
APELLIDOS
GARCÍA MORA
NOMBRE
ELENA
SEXO   NACIONALIDAD
F      ESP
FECHA DE NACIMIENTO
05 06 1980
""",
    "bank_certificate": """
Banco del Valle
CERTIFICADO DE TITULARIDAD
CERTIFICA que Eva Díaz Mora es titular de la cuenta
IBAN ES91 2100 0418 4502 0005 1332
Y para que conste, se expide el presente certificado
""",
    "claim": """
PARTE DE SINIESTRO
Nº siniestro: 2025-88120     Póliza: 550123
Asegurado: Eva Díaz Mora
Fecha del siniestro: 02/01/2025
Daños: rotura de cristal
""",
    "personnel": """
SOLICITUD DE VACACIONES
Empleado: Eva Díaz Mora
Departamento de Recursos Humanos
Fecha: 02/05/2025
""",
    "generic": """
Instrucciones de montaje
1. Coloque la pieza A sobre la pieza B.
2. Apriete los tornillos.
""",
}


@pytest.mark.parametrize("drawn", DOCUMENTS, ids=lambda drawn: drawn.name)
def test_invoices_and_receipts_are_known(drawn):
    found = suggest_class([page(drawn.text, language=drawn.language)], LIBRARY)
    assert found.record_class.name == drawn.record_class
    assert found.close is None
    assert found.evidence


@pytest.mark.parametrize("name", OTHERS)
def test_other_classes_are_known(name):
    found = suggest_class([page(OTHERS[name])], LIBRARY)
    assert found.record_class.name == name
    assert found.close is None


def test_nothing_that_speaks_for_a_class_is_generic_with_low_confidence():
    found = suggest_class([page(OTHERS["generic"])], LIBRARY)
    assert found.confidence <= 0.5
    assert found.evidence == ()


def test_a_mixture_of_two_classes_is_unsure():
    mixed = "ALBARÁN DE ENTREGA\nRecibí conforme\nSINIESTRO\nPóliza 77   Asegurado   Perito\nBultos   Transportista"
    found = suggest_class([page(mixed)], LIBRARY)
    assert {found.record_class.name, found.close} == {"delivery_note", "claim"}


def test_the_first_page_decides():
    letter, invoice = page(OTHERS["letter"]), page(DOCUMENTS[0].text, number=2)
    assert suggest_class([letter], LIBRARY).record_class.name == "letter"
    assert (
        suggest_class([page(DOCUMENTS[0].text), page(OTHERS["generic"], number=2)], LIBRARY).record_class.name
        == "invoice"
    )
    assert suggest_class([invoice], LIBRARY).record_class.name == "invoice"

"""Who issued an invoice and to whom, on layouts of which each once gave one party's name or number as the other's."""

from datetime import date

import pytest

from records.class_library import shipped_library
from tasks.describe import describe
from tests.corpus.drawn_pages import page

TODAY = date(2026, 11, 20)
BODY = """

Concepto                                              Importe
Puertas de roble                                     800,00

                                     Base imponible  800,00
                                     IVA 21 %        168,00
                                     Total factura   968,00
"""
BUYER_LEFT = """
Cliente:                                      TALLERES ARIZA, S.L.
Hormigones del Duero S.A.                     C/ Mayor 21, 50001 Zaragoza
CIF: A28012342                                NIF: B84123454

FACTURA
Nº Factura: T26/00418        Fecha: 14/09/2026
"""
LEASE = """
Arrendador: Francisco Javier Otero Lema       Factura nº 11/2026
NIF: 50987123X                                Fecha 01/11/2026
Arrendatario: Panadería Compostela S.L.
CIF: B15987605
"""
WINDOW = """
ebroclima
                                              INSTALACIONES GOYA, S.L.
                                              Pº Independencia 8
                                              50004 ZARAGOZA
                                              B50112234
Factura de venta
Nº FV2600871    Fecha 20.03.26    Su pedido 8812    Cliente 4391
"""
FOOT = (
    "\n\nEbroclima Distribución, S.A. Registro Mercantil de Zaragoza T. 201 F. 15. C.I.F. A50678903. www.ebroclima.es\n"
)
BILINGUAL = """
FACTURA / INVOICE
Emisor / Issuer                               Cliente / Customer
Logística Puerto Sur, S.L.                    Bodegas Viña Alta SL
NIF/VAT: B66778898                            NIF/VAT: B80119902
Número / Number: EXP-2026-0045                Fecha / Date: 11/11/2026
"""
BOXES = """
DATOS CLIENTE                                 DATOS EMPRESA
Nombre: Bodegas Viña Alta SL                  Nombre: Corchos del Sur SL
CIF: B80119902                                CIF: B81239873
Factura núm: C-551                            Fecha factura: 27/02/2026
"""


@pytest.mark.parametrize(
    ("text", "supplier", "customer"),
    [
        (BUYER_LEFT + BODY, ("TALLERES ARIZA, S.L.", "B84123454"), ("Hormigones del Duero S.A.", "A28012342")),
        (LEASE + BODY, ("Francisco Javier Otero Lema", "50987123X"), ("Panadería Compostela S.L.", "B15987605")),
        (
            WINDOW + BODY + FOOT,
            ("Ebroclima Distribución, S.A.", "A50678903"),
            ("INSTALACIONES GOYA, S.L.", "B50112234"),
        ),
        (BILINGUAL + BODY, ("Logística Puerto Sur, S.L.", "B66778898"), ("Bodegas Viña Alta SL", "B80119902")),
        (BOXES + BODY, ("Corchos del Sur SL", "B81239873"), ("Bodegas Viña Alta SL", "B80119902")),
    ],
    ids=["buyer left", "lease", "window", "bilingual", "boxes"],
)
@pytest.mark.parametrize("source", ["ocr", "born-digital"])
def test_each_party_has_its_own_name_and_number(text, supplier, customer, source):
    described = describe([page(text, source=source)], shipped_library(), TODAY, "invoice")
    found = {field.name: field.value for field in described.fields if field.index is None}
    assert (found["supplier"], found["supplier_tax_id"]) == supplier
    assert (found["customer"], found["customer_tax_id"]) == customer


def test_the_issue_date_of_a_bill_is_none_of_the_days_it_bills():
    text = """
Energía Clara, S.A.                           Nº factura: 26PEN1200345678
CIF A95007555                                 Periodo de consumo: 01/05/2026 a 31/05/2026
                                              Fecha de emisión factura: 04/06/2026
                                              Fecha de cargo: 11/06/2026
"""
    described = describe([page(text + BODY)], shipped_library(), TODAY, "invoice")
    found = {field.name: field.value for field in described.fields if field.index is None}
    assert (found["date"], found["due_date"]) == ("2026-06-04", "2026-06-11")

"""Documents drawn as text, with the fields a reader would write down; firms and people are made up."""

from typing import NamedTuple


class Drawn(NamedTuple):
    """A document: what it shows, its class and language, its text, and what its fields are."""

    name: str
    record_class: str
    language: str
    text: str
    fields: dict[str, str]


DOCUMENTS = [
    Drawn(
        "two columns at the head",
        "invoice",
        "spa",
        """
TALLERES HERMANOS RUIZ, S.L.                                   FACTURA
C/ Industria, 14                                               Número: A-2025/0341
28045 Madrid                                                   Fecha: 3 de marzo de 2025
CIF: B82387770                                                 Vencimiento: 02/04/2025
Tel. 91 234 56 78

Cliente
Construcciones Vega S.A.
Avda. de la Paz 22
08019 Barcelona
NIF: A58818501

Descripción                       Cantidad      Precio      Importe
Cambio de aceite                  2             45,00       90,00
Filtro de aire                    1             30,50       30,50

                                              Base imponible      120,50
                                              IVA 21%              25,31
                                              TOTAL               145,81

Forma de pago: transferencia
IBAN: ES91 2100 0418 4502 0005 1332
""",
        {
            "number": "A-2025/0341",
            "date": "2025-03-03",
            "due_date": "2025-04-02",
            "supplier": "TALLERES HERMANOS RUIZ, S.L.",
            "supplier_tax_id": "B82387770",
            "customer": "Construcciones Vega S.A.",
            "customer_tax_id": "A58818501",
            "net": "120.50",
            "tax": "25.31",
            "tax_rate": "21",
            "total": "145.81",
            "iban": "ES9121000418450200051332",
        },
    ),
    Drawn(
        "labels above values",
        "invoice",
        "spa",
        """
FACTURA

Nº Factura      Fecha           Vencimiento      Cód. Cliente
2025-118        15/05/2025      14/06/2025       4300012

Suministros Aranda SLU                          Facturar a:
Polígono El Prado, nave 7                       Hotel Miramar S.L.
47008 Valladolid                                Paseo Marítimo 3
C.I.F. B47000017                                11001 Cádiz
                                                C.I.F. B11000019

Artículo      Descripción            Uds      Precio      Dto      Importe
001           Resma papel A4         10       4,20        0        42,00
002           Tóner negro            3        68,00       5        193,80

Base Imponible      % IVA      Cuota IVA      Total Factura
235,80              21         49,52          285,32
""",
        {
            "number": "2025-118",
            "date": "2025-05-15",
            "due_date": "2025-06-14",
            "supplier": "Suministros Aranda SLU",
            "supplier_tax_id": "B47000017",
            "customer": "Hotel Miramar S.L.",
            "customer_tax_id": "B11000019",
            "net": "235.80",
            "tax": "49.52",
            "total": "285.32",
        },
    ),
    Drawn(
        "a person who withholds",
        "invoice",
        "spa",
        """
Lucía Fernández Prieto
Diseño gráfico
Calle del Sol 5, 2º B - 15001 A Coruña
NIF 33333333P

Factura núm. 7/2025
A Coruña, 31 de enero de 2025

A la atención de: Ediciones Norte S.L.
NIF: B15000003

Concepto                                          Importe
Maquetación revista enero                         800,00 €

Subtotal                     800,00 €
IVA (21%)                    168,00 €
Retención IRPF (15%)        -120,00 €
Total a pagar                848,00 €
""",
        {
            "number": "7/2025",
            "date": "2025-01-31",
            "supplier": "Lucía Fernández Prieto",
            "supplier_tax_id": "33333333P",
            "net": "800.00",
            "tax": "168.00",
            "total": "848.00",
            "withholding": "-120.00",
        },
    ),
    Drawn(
        "two rates of tax",
        "invoice",
        "spa",
        """
DISTRIBUCIONES ALIMENTARIAS DEL SUR, S.A.
Registro Mercantil de Sevilla, Tomo 123, Folio 4. C.I.F. A-41000009
                                                       FACTURA Nº  FV25/00872
                                                       FECHA       28-02-2025
Datos del cliente:
Bar Manolo C.B.
C/ Feria 80, 41002 Sevilla
N.I.F.: E41000005

Concepto                        Cant.    Precio     Total
Aceite de oliva 5L              4        32,50      130,00
Refrescos caja 24               6        14,40      86,40

             Base        %IVA      Cuota
             130,00      10,00     13,00
             86,40       21,00     18,14

Total base imponible: 216,40
Total IVA: 31,14
TOTAL FACTURA: 247,54 EUR
""",
        {
            "number": "FV25/00872",
            "date": "2025-02-28",
            "supplier": "DISTRIBUCIONES ALIMENTARIAS DEL SUR, S.A.",
            "supplier_tax_id": "A41000009",
            "customer": "Bar Manolo C.B.",
            "customer_tax_id": "E41000005",
            "net": "216.40",
            "tax": "31.14",
            "total": "247.54",
        },
    ),
    Drawn(
        "a utility bill",
        "invoice",
        "spa",
        """
Aguas de la Ribera                                   Factura de suministro
www.aguasribera.es                                   Nº de factura: 0072250001894
                                                     Fecha de emisión: 12/06/2025
Titular: Pedro Martín Gil                            Periodo de facturación: 01/04/2025 - 31/05/2025
Contrato: 99812                                      Fecha de cargo: 20/06/2025
Dirección de suministro: C/ Luna 3

Cuota de servicio             12,40 €
Consumo                       31,28 €
Base imponible                43,68 €
IVA 10%                        4,37 €
Importe total                 48,05 €

Aguas de la Ribera S.A. CIF A46000007 Inscrita en el Registro Mercantil de Valencia
""",
        {
            "number": "0072250001894",
            "date": "2025-06-12",
            "supplier_tax_id": "A46000007",
            "net": "43.68",
            "tax": "4.37",
            "total": "48.05",
        },
    ),
    Drawn(
        "english",
        "invoice",
        "eng",
        """
Northwind Tools Ltd                                        INVOICE
12 King Street
Leeds LS1 2AB                                              Invoice Number: NW-10442
VAT Reg No: GB123456789                                    Invoice Date: 14 March 2025
                                                           Due Date: 13 April 2025
Bill To:
Harbour Foods plc
4 Dock Road
Hull HU1 1AA

Description              Qty      Unit Price      Amount
Torque wrench            2        £85.00          £170.00
Calibration              1        £40.00          £40.00

                                  Subtotal        £210.00
                                  VAT 20%         £42.00
                                  Total Due       £252.00
""",
        {
            "number": "NW-10442",
            "date": "2025-03-14",
            "due_date": "2025-04-13",
            "supplier": "Northwind Tools Ltd",
            "customer": "Harbour Foods plc",
            "net": "210.00",
            "tax": "42.00",
            "total": "252.00",
        },
    ),
    Drawn(
        "american",
        "invoice",
        "eng",
        """
ACME Widgets Inc.
100 Main Street, Springfield, IL 62701

INVOICE #: 55671                      DATE: March 14, 2025
TO: Blue River Corp.

Description                           Amount
Widgets (100)                         $1,200.00
Shipping                              $50.00

SUBTOTAL                              $1,250.00
SALES TAX                             $103.13
TOTAL                                 $1,353.13
""",
        {
            "number": "55671",
            "date": "2025-03-14",
            "supplier": "ACME Widgets Inc.",
            "net": "1250.00",
            "tax": "103.13",
            "total": "1353.13",
        },
    ),
    Drawn(
        "issuer at the right",
        "invoice",
        "spa",
        """
Factura                                      Gestoría Molina & Asociados, S.L.P.
                                             Plaza Mayor 1, 1º
Fecha factura   01/09/2025                   37001 Salamanca
Factura         2025/0457                    CIF/NIF: B37000011

Cliente: Panificadora La Espiga, S.L.
Domicilio: Ctra. Ledesma km 3
CIF: B37000029

Honorarios asesoría fiscal agosto             150,00
Honorarios asesoría laboral agosto            90,00
                                  Suma         240,00
                                  21 % IVA      50,40
                                  15 % I.R.P.F. 36,00-
                                  Líquido      254,40
""",
        {
            "number": "2025/0457",
            "date": "2025-09-01",
            "supplier": "Gestoría Molina & Asociados, S.L.P.",
            "supplier_tax_id": "B37000011",
            "customer": "Panificadora La Espiga, S.L.",
            "customer_tax_id": "B37000029",
            "net": "240.00",
            "tax": "50.40",
            "total": "254.40",
        },
    ),
    Drawn(
        "all totals on one row",
        "invoice",
        "spa",
        """
FRUTAS Y VERDURAS LEVANTE SL
CIF B96000001 - C/ Mercado 4 - 46001 Valencia

FACTURA: 1502     FECHA: 09.10.2025     HOJA: 1
CLIENTE: RESTAURANTE CASA PACO SL  NIF: B46000015

Kg      Producto       Precio      Importe
12,5    Naranja        0,95        11,88
8       Tomate         1,80        14,40

BASE IMP.   26,28   IVA 4%   1,05   TOTAL   27,33
""",
        {
            "number": "1502",
            "date": "2025-10-09",
            "supplier": "FRUTAS Y VERDURAS LEVANTE SL",
            "supplier_tax_id": "B96000001",
            "customer": "RESTAURANTE CASA PACO SL",
            "net": "26.28",
            "tax": "1.05",
            "total": "27.33",
        },
    ),
    Drawn(
        "supermarket",
        "receipt",
        "spa",
        """
        SUPERMERCADOS EL ROBLE S.A.
          C/ Alcalá 200, Madrid
            NIF: A28000008
      FACTURA SIMPLIFICADA 0012-003456
      14/11/2025   18:42    CAJA 3

1 LECHE ENTERA              1,05
2 PAN MOLDE     1,60        3,20
1 CAFE MOLIDO               4,35

TOTAL A PAGAR               8,60 €
ENTREGADO EFECTIVO         10,00 €
CAMBIO                      1,40 €

IVA   BASE    CUOTA
4%    4,09    0,16
10%   3,95    0,40

    GRACIAS POR SU VISITA
""",
        {"company": "SUPERMERCADOS EL ROBLE S.A.", "date": "2025-11-14", "total": "8.60", "time": "18:42"},
    ),
    Drawn(
        "restaurant",
        "receipt",
        "spa",
        """
BAR LOS ARCOS
Plaza de España 3
Toledo
CIF: B45000009
MESA 4    CAMARERO: LUIS
Fecha: 02/08/2025 Hora: 14:10
Ticket: 10233
2 Menú del día      12,50   25,00
1 Café               1,40    1,40
TOTAL                       26,40
IVA incluido (10%)
Tarjeta VISA                26,40
Gracias por su visita
""",
        {"company": "BAR LOS ARCOS", "date": "2025-08-02", "total": "26.40", "number": "10233"},
    ),
]

"""More documents drawn as text, in other layouts; firms and people are made up."""

from tests.corpus.drawn_documents import Drawn

VARIANTS = [
    Drawn(
        "telephone bill",
        "invoice",
        "spa",
        """
                                                        Fecha de emisión: 05/11/2025
 Telefonía Ejemplo, S.A.U.                             Nº factura: TA6L-00123456
 C.I.F. A82018474                                       Periodo: 01/10/2025 a 31/10/2025
                                                        Titular: MARIA LOPEZ RUIZ
                                                        NIF: 12345678Z
 RESUMEN DE FACTURA
 Cuotas                                   45,00 €
 Consumos                                  3,20 €
 Total (base imponible)                   48,20 €
 IVA (21%)                                10,12 €
 TOTAL A PAGAR                            58,32 €
 Fecha de cargo en cuenta: 10/11/2025
""",
        {
            "number": "TA6L-00123456",
            "date": "2025-11-05",
            "supplier": "Telefonía Ejemplo, S.A.U.",
            "supplier_tax_id": "A82018474",
            "net": "48.20",
            "tax": "10.12",
            "total": "58.32",
        },
    ),
    Drawn(
        "labels and values on one row",
        "invoice",
        "spa",
        """
Factura F25-0099                                 Fecha: 12-05-2025
Emisor: Carpintería Hnos. Sáez S.C.              NIF: J09000005
Cliente: Comunidad de Propietarios Goya 12       NIF: H09000009
Trabajo                                          Importe
Puerta de entrada                                1.150,00 €
Colocación                                         200,00 €
Total bruto    1.350,00 €
Descuento 10%   -135,00 €
Base           1.215,00 €
IVA 10%          121,50 €
Total          1.336,50 €
""",
        {
            "number": "F25-0099",
            "date": "2025-05-12",
            "supplier": "Carpintería Hnos. Sáez S.C.",
            "supplier_tax_id": "J09000005",
            "customer": "Comunidad de Propietarios Goya 12",
            "net": "1215.00",
            "tax": "121.50",
            "total": "1336.50",
        },
    ),
    Drawn(
        "values under labels",
        "invoice",
        "spa",
        """
GRUPO TEXTIL MARESME SL
B60000012
Rambla 5, Mataró

FACTURA
Número
FT-889
Fecha
1 de julio de 2025
Cliente
Modas Paqui
Tienda 4

Concepto        Importe
Camisetas       500,00
Base imponible
500,00
IVA (21 %)
105,00
Total factura
605,00
""",
        {
            "number": "FT-889",
            "date": "2025-07-01",
            "supplier": "GRUPO TEXTIL MARESME SL",
            "supplier_tax_id": "B60000012",
            "customer": "Modas Paqui",
            "net": "500.00",
            "tax": "105.00",
            "total": "605.00",
        },
    ),
    Drawn(
        "series and surcharge",
        "invoice",
        "spa",
        """
Ferretería Industrial Ebro, S.A.            CIF A50000009
FACTURA DE VENTA
Serie: B   Nº: 2213   Fecha: 22/09/2025   Pág: 1/1
Sr./Sra.: Bricolaje Teruel S.L.  B44000006
Ref   Concepto        Cant   Precio   Importe
A1    Tornillos       100    0,12     12,00
B7    Taladro         1      89,00    89,00
Suma: 101,00
Base imponible: 101,00   IVA 21%: 21,21   R.E. 5,2%: 5,25
TOTAL FACTURA: 127,46 €
""",
        {
            "number": "2213",
            "date": "2025-09-22",
            "supplier": "Ferretería Industrial Ebro, S.A.",
            "supplier_tax_id": "A50000009",
            "net": "101.00",
            "total": "127.46",
        },
    ),
    Drawn(
        "exempt of tax",
        "invoice",
        "spa",
        """
Dra. Carmen Ibáñez Soler
Médico oftalmólogo - Colegiada 46/04512
NIF 22123456K
C/ Colón 8, Valencia

FACTURA Nº 45/25          Fecha 18/06/2025
Paciente: Jorge Gil Mas
Consulta oftalmológica            60,00 €
Operación exenta de IVA (art. 20.Uno.3º LIVA)
TOTAL                             60,00 €
""",
        {"number": "45/25", "date": "2025-06-18", "supplier_tax_id": "22123456K", "total": "60.00"},
    ),
    Drawn(
        "logo and legal line",
        "invoice",
        "spa",
        """
                  LogoTech
                  Soluciones informáticas
LogoTech Sistemas, S.L.U.  |  CIF B91000018  |  Tel. 955 000 111  |  www.logotech.es

FACTURA                            DATOS DE FACTURACIÓN
Nº de factura: 20250312            Colegio San Juan
Fecha de factura: 30/04/2025       Calle Betis 40
Fecha de vencimiento: 30/05/2025   41010 Sevilla
Pedido: PC-7781                    CIF: R4100123J

Descripción             Ud.    Precio Ud.   Total
Licencia anual          25     32,00 €      800,00 €
Soporte                 10     45,00 €      450,00 €

Total sin IVA           1.250,00 €
IVA 21%                   262,50 €
Total con IVA           1.512,50 €
Datos bancarios: ES7921000813610123456789
""",
        {
            "number": "20250312",
            "date": "2025-04-30",
            "due_date": "2025-05-30",
            "supplier": "LogoTech Sistemas, S.L.U.",
            "supplier_tax_id": "B91000018",
            "net": "1250.00",
            "tax": "262.50",
            "total": "1512.50",
            "order_number": "PC-7781",
            "iban": "ES7921000813610123456789",
        },
    ),
    Drawn(
        "french issuer",
        "invoice",
        "eng",
        """
Papeterie Lumière SARL            Facture / Invoice
12 rue de la Paix, 75002 Paris    Invoice No.: FR-2025-0718
TVA FR40303265045                 Date: 18/07/2025

Bill to: Librería Cervantes S.L.
VAT: ESB28000018
Item                 Qty    Unit     Amount
Notebooks            200    2,10     420,00
Total excl. VAT      420,00 EUR
VAT 0% (reverse charge)  0,00 EUR
Total                420,00 EUR
""",
        {
            "number": "FR-2025-0718",
            "date": "2025-07-18",
            "supplier": "Papeterie Lumière SARL",
            "supplier_tax_id": "FR40303265045",
            "customer": "Librería Cervantes S.L.",
            "net": "420.00",
            "total": "420.00",
        },
    ),
    Drawn(
        "corrective invoice",
        "invoice",
        "spa",
        """
Electrodomésticos Vela S.L.
CIF: B29000013
Málaga

FACTURA RECTIFICATIVA Nº R-2025/004
Fecha: 11/03/2025
Rectifica a la factura nº 2025/0311 de fecha 02/03/2025
Cliente: Hostal Sur S.L.   CIF: B29000021
Devolución lavadora             -350,00
Base imponible                  -350,00
IVA 21%                          -73,50
Total                           -423,50
""",
        {
            "number": "R-2025/004",
            "date": "2025-03-11",
            "supplier": "Electrodomésticos Vela S.L.",
            "net": "-350.00",
            "tax": "-73.50",
            "total": "-423.50",
        },
    ),
    Drawn(
        "petrol station",
        "receipt",
        "spa",
        """
E.S. LA ROTONDA
ESTACIONES DEL NORTE SL
CIF B48000014
Ctra N-634 km 80
FACTURA SIMPLIFICADA
Num: 33-11982   Fecha: 07/12/2025 Hora: 07:58
SURTIDOR 4   GASOLEO A
Litros: 31,45   Precio/L: 1,459
TOTAL EUROS: 45,89
Base: 37,93  IVA 21%: 7,96
Pago: TARJETA VISA ****1234
""",
        {"date": "2025-12-07", "total": "45.89", "time": "07:58"},
    ),
    Drawn(
        "parking",
        "receipt",
        "spa",
        """
PARKING CENTRO
Recibo nº 000123
Entrada: 10/10/2025 09:12
Salida: 10/10/2025 11:40
Importe: 4,80 EUR
IVA 21% incluido
Efectivo 5,00
Cambio 0,20
""",
        {"date": "2025-10-10", "total": "4.80"},
    ),
    Drawn(
        "american with paid amount",
        "invoice",
        "eng",
        """
INVOICE

Bright Design Studio                      Invoice #   INV-3337
300 Pine Avenue                           Invoice Date   01/25/2025
Austin, TX 78701                          Due Date   02/24/2025

Bill To
Maple Retail LLC
55 Oak Street
Dallas, TX 75201

Hrs/Qty   Service          Rate/Price   Sub Total
10.00     Web Design       $85.00       $850.00
                           Sub Total    $850.00
                           Tax (8.25%)  $70.13
                           Total        $920.13
                           Paid         $0.00
                           Total Due    $920.13
""",
        {
            "number": "INV-3337",
            "date": "2025-01-25",
            "due_date": "2025-02-24",
            "supplier": "Bright Design Studio",
            "customer": "Maple Retail LLC",
            "net": "850.00",
            "tax": "70.13",
            "total": "920.13",
        },
    ),
    Drawn(
        "catalan",
        "invoice",
        "spa",
        """
Serveis Integrals Bages, SL                      FACTURA
NIF B08000010                                    Núm. factura: 25/00031
Av. Bases de Manresa 12, 08242 Manresa           Data factura: 15/01/2025
Client: Fusteria Roca SCP
NIF: J08000019
Concepte                     Import
Neteja oficines gener        320,00
Base imposable               320,00
IVA 21 %                      67,20
Total factura                387,20
""",
        {
            "number": "25/00031",
            "date": "2025-01-15",
            "supplier": "Serveis Integrals Bages, SL",
            "supplier_tax_id": "B08000010",
            "customer": "Fusteria Roca SCP",
            "net": "320.00",
            "tax": "67.20",
            "total": "387.20",
        },
    ),
    Drawn(
        "tax summary table",
        "invoice",
        "spa",
        """
Hotel Costa Dorada          Factura: 88121
CIF: A43000008              Fecha: 20/08/2025
Huésped: Sr. John Smith     Habitación: 214
Fecha       Concepto        Importe
17/08/2025  Alojamiento     90,00
18/08/2025  Alojamiento     90,00
19/08/2025  Restaurante     35,20
Entrada: 17/08/2025  Salida: 20/08/2025

Tipo IVA   Base      Cuota     Total
10 %       195,64    19,56     215,20
Total factura   215,20 EUR
Pagado con tarjeta   215,20
Pendiente   0,00
""",
        {
            "number": "88121",
            "date": "2025-08-20",
            "supplier": "Hotel Costa Dorada",
            "supplier_tax_id": "A43000008",
            "net": "195.64",
            "tax": "19.56",
            "total": "215.20",
        },
    ),
]

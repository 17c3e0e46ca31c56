"""Draw the README's picture: a scan with its index fields and a search hit where Muniment found them.

    python tests/corpus/picture.py docs/images/record.png

It takes the drawn invoice in for real, in a home of its own, and draws what `record show` and `search` answer.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw, ImageFont

HERE = Path(__file__).parent
COLOURS = {"accepted": (21, 122, 71), "review": (186, 82, 0)}
SHOWN = (
    "supplier", "supplier_tax_id", "number", "date", "due_date", "customer", "customer_tax_id", "net", "tax", "total",
    "iban",
)  # fmt: skip


def muniment(home: str, *arguments: str) -> Any:
    environment = {**os.environ, "MUNIMENT_HOME": home}
    done = subprocess.run(
        [sys.executable, "-m", "cli.main", *arguments, "--json"], env=environment, capture_output=True, check=True
    )
    return json.loads(done.stdout)


def main(target: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.executable, str(HERE / "make.py"), f"{folder}/scans"], check=True)
        scan, home = f"{folder}/scans/factura.tif", f"{folder}/home"
        record = muniment(home, "ingest", scan)["scans"][0]["records"][0]
        fields = muniment(home, "record", "show", record)["fields"]
        hit = muniment(home, "search", "papelería")["hits"][0]
        page = Image.open(scan).convert("RGB")
    draw = ImageDraw.Draw(page, "RGBA")
    for x0, y0, x1, y1 in hit["boxes"]:
        draw.rectangle((x0 - 6, y0 - 6, x1 + 6, y1 + 6), fill=(255, 214, 0, 110))
    label = ImageFont.load_default(30)
    for field in fields:
        if field["name"] not in SHOWN or not field["box"]:
            continue
        x0, y0, x1, y1 = field["box"]
        colour = COLOURS.get(field["status"], (90, 90, 90))
        draw.rectangle((x0 - 8, y0 - 8, x1 + 8, y1 + 8), outline=colour, width=5)
        draw.text((x1 + 22, y0), f"{field['name']} {field['confidence']:.2f}", font=label, fill=colour)
    page = page.crop((0, 0, page.width, 2200))
    page = page.resize((page.width // 2, page.height // 2), Image.Resampling.LANCZOS)
    page.quantize(64).save(target, optimize=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))

"""Small tables as people have them, in the form of ``../shared/cases``; values were worked out by hand."""

import io
import zipfile
from xml.sax.saxutils import escape

SIZES = (
    ("a", 70e6, 1.4e9, 3.62),
    ("b", 70e6, 5.6e9, 3.41),
    ("c", 160e6, 3.2e9, 3.33),
    ("d", 160e6, 12.8e9, 3.12),
)
SUFFIXES = """model,params,tokens,val_loss
a,70M,1.4B,3.62
b,70M,5.6B,3.41
c,160M,3.2B,3.33
d,160M,12.8B,3.12
"""
THOUSANDS = """model,params,tokens,val_loss
a,"70,000,000","1,400,000,000",3.62
b,"70,000,000","5,600,000,000",3.41
c,"160,000,000","3,200,000,000",3.33
d,"160,000,000","12,800,000,000",3.12
"""
DECIMAL_COMMA = """model;params;tokens;val_loss
a;7e7;1,4e9;3,62
b;7e7;5,6e9;3,41
c;1,6e8;3,2e9;3,33
d;1,6e8;1,28e10;3,12
"""
JSON_LINES = """{"model": "a", "hyper": {"params": 70000000, "tokens": 1400000000}, "val_loss": 3.62}
{"model": "b", "hyper": {"params": 70000000, "tokens": 5600000000}, "val_loss": 3.41}

{"model": "c", "hyper": {"params": 160000000, "tokens": 3200000000}, "val_loss": 3.33}
{"model": "d", "hyper": {"params": 160000000, "tokens": 12800000000}, "val_loss": 3.12}
"""
TRACKER = """"Name","State","ID","n_params","train/tokens","val/loss","Runtime"
"70m-a","finished","x1","70000000","1400000000","3.62","3600"
"70m-a","crashed","x0","70000000","300000000","4.31","700"
"70m-b","finished","x2","70000000","5600000000","3.41","9000"
"160m-a","finished","x3","160000000","3200000000","3.33","9100"
"160m-a","finished","x3","160000000","3200000000","3.33","9100"
"160m-b","finished","x4","160000000","12800000000","3.12","30000"
"410m-a","finished","x5","410000000","8200000000","2.98","40000"
"410m-b","finished","x6","410000000","32800000000","2.80","160000"
"1.3b-a","running","x7","1300000000","13000000000","2.91","160000"
"1.3b-b","failed","x8","1300000000","26000000000","NaN","1000"
"1.3b-c","finished","x9","1300000000","26000000000","2.66","400000"
"""
WIDE = """"Step","run-70m - L","run-70m - L__MIN","run-70m - L__MAX","run-160m - L","run-160m - L__MIN"
"1000","4.10","4.10","4.10","3.90","3.90"
"2000","3.80","3.80","3.80","3.55","3.55"
"3000","3.62","3.62","3.62",""," "
"""
STEPS = {
    "run-10.6M.csv": "step,tokens,loss\n500,131072000,5.8589\n4500,1179648000,4.5628\n5000,1.31072B,4.5175\n",
    "run-154M.csv": "step,tokens,loss\n500,131072000,4.8070\n5000,1.31072B,3.4657\n4500,1179648000,3.5110\n",
    "run-79M.csv": "step,tokens,loss\n500,131072000,4.9859\n4500,1179648000,3.6899\n5000,1310720000,\n",
}
PARTS = {
    "[Content_Types].xml": """<Types xmlns="OPEN/package/2006/content-types">
        <Default Extension="xml" ContentType="application/xml"/>
        <Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>
        </Types>""",
    "_rels/.rels": """<Relationships xmlns="OPEN/package/2006/relationships">
        <Relationship Id="r1" Type="WORD/officeDocument" Target="xl/workbook.xml"/></Relationships>""",
    "xl/workbook.xml": """<workbook xmlns="OPEN/spreadsheetml/2006/main" xmlns:r="WORD"><sheets>
        <sheet name="Runs" sheetId="1" r:id="r1"/><sheet name="Notes" sheetId="2" r:id="r2"/>
        </sheets></workbook>""",
    "xl/_rels/workbook.xml.rels": """<Relationships xmlns="OPEN/package/2006/relationships">
        <Relationship Id="r1" Type="WORD/worksheet" Target="worksheets/sheet1.xml"/>
        <Relationship Id="r2" Type="WORD/worksheet" Target="worksheets/sheet1.xml"/></Relationships>""",
}


def excel(rows):
    """A workbook of two sheets, text and numbers, as the standard ECMA-376 has it."""

    def cell(value):
        if isinstance(value, str):
            return f'<c t="inlineStr"><is><t>{escape(value)}</t></is></c>' if value else "<c/>"
        return f"<c><v>{value!r}</v></c>"

    body = "".join(f"<row>{''.join(map(cell, row))}</row>" for row in rows)
    sheet = f'<worksheet xmlns="OPEN/spreadsheetml/2006/main"><sheetData>{body}</sheetData></worksheet>'
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as book:
        for name, text in {**PARTS, "xl/worksheets/sheet1.xml": sheet}.items():
            text = text.replace("WORD", "OPEN/officeDocument/2006/relationships")
            book.writestr(name, text.replace("OPEN", "http://schemas.openxmlformats.org"))
    return content.getvalue()

"""A sheet to draw an SVG on: the few shapes that the diagram needs, and their styles."""

import xml.etree.ElementTree as ET

STYLE = """
text { font: 11px Helvetica, Arial, sans-serif; fill: #1f2933 }
.title { font-size: 17px; font-weight: bold } .head { font-size: 13px; font-weight: bold }
.small { font-size: 10px; fill: #52606d } .right { text-anchor: end } .middle { text-anchor: middle }
.paper { fill: #ffffff } .band { fill: #f1f4f8 }
.box { stroke-width: 1.2 } .resize { fill: #ffffff; stroke: #7b8794 }
.encoder { fill: #dde3ea; stroke: #52606d } .new { fill: #c9e7c3; stroke: #3c8031 }
.kept { fill: #bcdcf5; stroke: #1f6fb2 } .swapped { fill: #fbc78d; stroke: #c65d00 }
.flow { fill: none; stroke: #3e4c59; stroke-width: 1.4; marker-end: url(#flow-tip) }
.join { fill: none; stroke: #7a3fa0; stroke-width: 1.4; marker-end: url(#join-tip) }
.bare { marker-end: none }
.gate { stroke-dasharray: 4 3 } .joint { fill: #ffffff; stroke: #7a3fa0; stroke-width: 1.4 }
.meet { fill: #ffffff; stroke: #3e4c59; stroke-width: 1.4 } .fork { fill: #3e4c59 }
#flow-tip { fill: #3e4c59 } #join-tip { fill: #7a3fa0 }
"""


class Sheet:
    """An SVG to which shapes are added; lengths are in pixels, from the upper left corner.

    Args:
        width: The width of the sheet.
        height: The height of the sheet.
    """

    def __init__(self, *, width: float, height: float) -> None:
        size = {"viewBox": f"0 0 {width:g} {height:g}", "width": f"{width:g}", "height": f"{height:g}"}
        self.root = ET.Element("svg", {"xmlns": "http://www.w3.org/2000/svg", **size})
        ET.SubElement(self.root, "style").text = STYLE
        definitions = ET.SubElement(self.root, "defs")
        for tip in ("flow-tip", "join-tip"):
            place = {"orient": "auto", "markerWidth": "7", "markerHeight": "6", "refX": "6.5", "refY": "3"}
            marker = ET.SubElement(definitions, "marker", {"id": tip, "markerUnits": "userSpaceOnUse", **place})
            ET.SubElement(marker, "path", {"d": "M0,0 L7,3 L0,6 z"})
        self.rect(0, 0, width, height, "paper")

    def __str__(self) -> str:
        ET.indent(self.root)
        return ET.tostring(self.root, encoding="unicode") + "\n"

    def rect(self, x: float, y: float, width: float, height: float, style: str, *, radius: float = 0) -> None:
        """A rectangle with its upper left corner at (x, y)."""
        self._add("rect", style, x=x, y=y, width=width, height=height, rx=radius)

    def circle(self, x: float, y: float, radius: float, style: str) -> None:
        """A circle around (x, y)."""
        self._add("circle", style, cx=x, cy=y, r=radius)

    def path(self, d: str, style: str) -> None:
        """A line, in SVG's path syntax."""
        ET.SubElement(self.root, "path", {"class": style, "d": d})

    def label(self, x: float, y: float, text: str, style: str = "small") -> None:
        """A text that starts at (x, y), ends there (style "right") or is centered there (style "middle")."""
        self._add("text", style, x=x, y=y).text = text

    def _add(self, tag: str, style: str, **lengths: float) -> ET.Element:
        return ET.SubElement(self.root, tag, {"class": style, **{key: f"{value:g}" for key, value in lengths.items()}})

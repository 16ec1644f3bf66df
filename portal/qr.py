"""QR codes as part of a page: one SVG element, drawn on the box, nothing fetched from anywhere."""

import io
import re
from functools import lru_cache


@lru_cache(maxsize=64)
def qr_svg(text: str) -> str:
    """The text as one SVG element with a path. A page that looks again by itself draws it once."""
    # Only posters and follows need it: it stays off the start of the portal.
    import qrcode
    from qrcode.image.svg import SvgPathImage

    code = qrcode.QRCode(error_correction=qrcode.constants.ERROR_CORRECT_Q, border=0)
    code.add_data(text)
    drawn = io.BytesIO()
    code.make_image(image_factory=SvgPathImage).save(drawn)
    return re.sub(r"^<\?xml.*?\?>\s*", "", drawn.getvalue().decode(), flags=re.DOTALL)

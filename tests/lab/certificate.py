"""A store's certificate, as head office's authority would sign it; here it signs itself."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

DOMAIN = "lab.wifi.example.com"


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """Two PEM files; `settings`: the section `portal` of a store that has them."""

    chain: Path
    key: Path

    @property
    def settings(self) -> dict[str, object]:
        return {"domain": DOMAIN, "certificate": str(self.chain), "certificate_key": str(self.key)}


def made_certificate(folder: Path) -> Certificate:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, DOMAIN)])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(DOMAIN)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    made = Certificate(chain=folder / "chain.pem", key=folder / "key.pem")
    made.chain.write_bytes(signed.public_bytes(pem))
    made.key.write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain))
    return made

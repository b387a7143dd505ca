"""An archive's empty suite, signed once by a key that was thrown away, and the keyring that verifies it."""

import base64
from pathlib import Path

IN_RELEASE = """\
-----BEGIN PGP SIGNED MESSAGE-----
Hash: SHA512

Suite: stage
Codename: stage
Date: Wed, 01 Jan 2025 12:00:00 UTC
Architectures: amd64
Components: main
SHA256:
 e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855 0 main/binary-amd64/Packages
-----BEGIN PGP SIGNATURE-----

iHUEARYKAB0WIQTkUSGrOFNFlrJZOffyYjYe0GYqwAUCZ3USIAAKCRDyYjYe0GYq
wG6IAP9cOoSrSNv2Ous22iKklPKT+F1FwaSEUrut38z997hQ4wEA6P6EUrjgZkrM
O8znVN3vyXTVm4RwxU4RVGZd2hSNLA0=
=YBCv
-----END PGP SIGNATURE-----
"""
_KEYRING = """
mDMEZ3USIBYJKwYBBAHaRw8BAQdAOhd630fTYNlmYt17Z8K0NKnPt1V14jTMvK+CFAqKJnO0GWEgdGVzdCA8bm9ib2R5QGxvY2Fs
aG9zdD6IkAQTFggAOBYhBORRIas4U0WWslk59/JiNh7QZirABQJndRIgAhsDBQsJCAcCBhUKCQgLAgQWAgMBAh4BAheAAAoJEPJi
Nh7QZirAKwoA/2yPNmPYMlQDb3u//2f9sIsdMbYYnxt1fXiSEU6pgnQkAQDO8ZCn1fq6lJOrH8W1lrGY5OTT75nT4l5tGoWprN4K
AQ==
"""


def make_signed(folder: Path) -> Path:
    """Make the archive in `folder`, and return the keyring, which lies in it as well."""
    suite = folder / "dists/stage"
    listing = suite / "main/binary-amd64/Packages"
    listing.parent.mkdir(parents=True)
    listing.touch()
    (suite / "InRelease").write_text(IN_RELEASE, encoding="ascii")
    keyring = folder / "keyring.gpg"
    keyring.write_bytes(base64.b64decode(_KEYRING))
    return keyring

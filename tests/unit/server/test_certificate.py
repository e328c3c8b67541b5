"""A certificate that cannot be served is one sentence, before anything is bound."""

from pathlib import Path

import pytest
from certificates import certificate

from blemish.errors import ServiceError
from blemish.server.options import Options
from blemish.server.run import check_certificate


def test_a_certificate_that_cannot_be_served_is_refused(tmp_path: Path) -> None:
    """No PEM, one for the other, and no file; a sound pair and none are accepted."""
    chain, key = certificate(tmp_path)
    junk = tmp_path / "junk.pem"
    junk.write_text("no certificate")
    check_certificate(Options())
    check_certificate(Options(certificate=chain, certificate_key=key))
    for pair in ((junk, key), (chain, junk), (key, key), (chain, tmp_path / "absent.pem")):
        with pytest.raises(ServiceError, match=r"cannot be used: .* Accepted: "):
            check_certificate(Options(certificate=pair[0], certificate_key=pair[1]))

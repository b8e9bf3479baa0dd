"""Certificates for tests, made by openssl: a root, one that it signed, and a server's."""

import ssl
import subprocess

NAME = "hooks.example.org"


def _openssl(*arguments):
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)


class Authority:
    """A root certificate and one below it, which signs those of servers."""

    def __init__(self, directory):
        self.directory = directory
        self.root = directory / "root.pem"
        self.intermediate = directory / "intermediate.pem"
        # Newer versions of Python are strict about what a certificate has to say of itself.
        authority = ["basicConstraints=critical,CA:TRUE", "keyUsage=critical,keyCertSign,cRLSign", "subjectKeyIdentifier=hash"]
        self._issue("root", None, authority)
        self._issue("intermediate", "root", [*authority, "authorityKeyIdentifier=keyid"])

    def _issue(self, name, issuer, extensions, key=("ec", "-pkeyopt", "ec_paramgen_curve:P-256")):
        path = self.directory / name
        config = path.with_suffix(".ext")
        config.write_text("\n".join(extensions) + "\n")
        _openssl("req", "-newkey", *key, "-nodes", "-subj", f"/CN={name}", "-keyout", path.with_suffix(".key"),
                 "-out", path.with_suffix(".csr"))
        signer = (["-signkey", path.with_suffix(".key")] if issuer is None else
                  ["-CA", self.directory / f"{issuer}.pem", "-CAkey", self.directory / f"{issuer}.key", "-CAcreateserial"])
        _openssl("x509", "-req", "-in", path.with_suffix(".csr"), "-days", "30", "-extfile", config,
                 "-out", path.with_suffix(".pem"), *signer)

    def server(self, name, key=("ec", "-pkeyopt", "ec_paramgen_curve:P-256")):
        """Makes a certificate, and returns the paths of its chain and its key."""
        self._issue(name, "intermediate", [f"subjectAltName=DNS:{NAME}", "authorityKeyIdentifier=keyid"], key)
        chain = self.directory / f"{name}-chain.pem"
        chain.write_text((self.directory / f"{name}.pem").read_text() + self.intermediate.read_text())
        return chain, self.directory / f"{name}.key"

    def client(self, version=None, ciphers=None, alpn=None):
        """Returns a context that trusts the root alone.

        version is the only one that it speaks; old ones and weak ciphers take the lower security level that they need.
        """
        context = ssl.create_default_context(cafile=str(self.root))
        if version is not None:
            context.minimum_version = context.maximum_version = version
        if ciphers is not None:
            context.set_ciphers(ciphers)
        if alpn is not None:
            context.set_alpn_protocols(alpn)
        return context

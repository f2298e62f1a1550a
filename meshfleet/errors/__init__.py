"""Every exception this project raises on purpose, in one tree.

    MeshfleetError
    ├── TopologyError            the stack file is wrong (exit 2); carries every fault found
    ├── ToolchainError           a tool cannot be built, found or trusted
    │   └── UnpublishedError     a publisher has no such file or does not respond; the tool is built instead
    ├── ContainersError          an image or the Docker engine of its own cannot be made, started or stopped
    ├── EmbeddedError            something on this machine does not run
    │   ├── ProcessError         a process did not start, stop or become ready
    │   ├── PortError            a port or address cannot be had
    │   ├── NetworkError         a network namespace, a link or a rule cannot be made
    │   ├── LockedError          another process holds a lock; names the holder
    │   └── FileError            a file cannot be written or read, or is damaged
    │       └── NewerFileError   a later version of meshfleet wrote it
    ├── ClusterError             a Kubernetes API server, or what runs for a cluster, refuses or does not respond
    │   ├── UnreachableError     no usable answer comes from where a server should be; carries the cause
    │   └── RefusedError         the server answers with an error; carries the HTTP status
    ├── ReleaseError             a Helm release cannot be installed, upgraded or removed
    ├── UnsupportedError         a resource kind or option this program does not handle
    ├── DocumentError            a YAML text is damaged, too large or ambiguous
    ├── CertificateError         a certificate or key is missing, damaged or does not fit
    ├── VerificationError        a question could not be put to the fleet
    └── EngineError              the Pulumi engine failed; carries what to do next

Each message names the thing, the value seen and what to do about it.
"""

from __future__ import annotations

from meshfleet.errors.causes import Cause, cause_of_status, printable, sentence


class MeshfleetError(Exception):
    """Base of all; its text is fit to be shown to a person as it is.

    Control characters other than line feeds are written out: parts of a text may come from a server or a file.
    """

    def __init__(self, *args: object) -> None:
        super().__init__(*(printable(arg) if isinstance(arg, str) else arg for arg in args))


class ToolchainError(MeshfleetError):
    """A tool cannot be built, found or trusted."""


class UnpublishedError(ToolchainError):
    """A publisher has no such file, does not respond or cannot be used here; the tool is built instead."""


class ContainersError(MeshfleetError):
    """An image cannot be made, or the Docker engine that runs it cannot be started or stopped."""


class EmbeddedError(MeshfleetError):
    """Something that should run on this machine does not."""


class ProcessError(EmbeddedError):
    """A process did not start, stop or become ready in its time."""


class EndedError(ProcessError):
    """A process ended before it could be known by its command line; its log may say why."""


class PortError(EmbeddedError):
    """A port or an address cannot be had."""


class NetworkError(EmbeddedError):
    """A network namespace, a link, an address or a rule cannot be made or removed."""


class LockedError(EmbeddedError):
    """Another process holds a lock; the text names the holder."""


class FileError(EmbeddedError):
    """A file cannot be written or read, is damaged, or is no regular file; never used for one that is absent."""


class NewerFileError(FileError):
    """A file is whole, but a later version of meshfleet wrote it."""


class ClusterError(MeshfleetError):
    """A Kubernetes API server, or a process that runs for a cluster, refuses a request or does not respond."""


class UnreachableError(ClusterError):
    """No usable answer comes from `server`, a URL; `cause` is what was seen, `detail` further words of it."""

    def __init__(self, server: str, cause: Cause, detail: str = "", *, subject: str = "", advice: str = "") -> None:
        super().__init__(sentence(server, cause, detail, subject=subject, advice=advice))
        self.server = server
        self.cause = cause
        self.detail = detail
        self.advice = advice

    def about(self, subject: str) -> UnreachableError:
        """The same, with what the request was for."""
        return UnreachableError(self.server, self.cause, self.detail, subject=subject, advice=self.advice)


class RefusedError(ClusterError):
    """The server answers with an error; `code` is the HTTP status, `reason` Kubernetes' own word for it."""

    def __init__(self, message: str, code: int, reason: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason

    @property
    def not_found(self) -> bool:
        """Whether the object is not there."""
        return self.code == 404

    @property
    def conflict(self) -> bool:
        """Whether the object is there already, or has changed since it was read."""
        return self.code == 409

    @property
    def cause(self) -> Cause | None:
        """UNAUTHORIZED or FORBIDDEN, when that is why."""
        return cause_of_status(self.code)


class ReleaseError(MeshfleetError):
    """A Helm release cannot be installed, upgraded or removed."""


class UnsupportedError(MeshfleetError):
    """A resource kind or an option that this program does not handle; the text names it."""


class DocumentError(MeshfleetError):
    """A YAML text cannot be parsed, is too large or ambiguous; the text says where, and never repeats a value."""


class CertificateError(MeshfleetError):
    """A certificate or a key is missing, damaged, expired or does not fit its issuer."""


class VerificationError(MeshfleetError):
    """A question could not be put to the fleet at all."""


class EngineError(MeshfleetError):
    """The Pulumi engine failed; the text says at what and what to do next."""

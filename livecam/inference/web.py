"""Opens addresses on the web without believing the server, and sorts what fails into what may pass and what not."""

import contextlib
import errno
import http.client
import ipaddress
import socket
import ssl
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from http import HTTPStatus
from typing import IO, Final

_LATER: Final = (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS)
_NO_WAY: Final = (errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN)
_MEANINGS: Final = {404: "it is not there", 410: "it is not there any more"}


class Unusable(Exception):
    """This address does not give the file, says the reason; another may.

    Args:
        reason: What happened.
        unreachable: Nothing was reached at all, as on a machine without a network.
    """

    def __init__(self, reason: str, *, unreachable: bool = False) -> None:
        super().__init__(reason)
        self.unreachable = unreachable


class Again(Exception):
    """The line was cut or the server is busy: a further try may go on.

    Args:
        reason: What happened.
        unreachable: Nothing was reached at all, as on a machine without a network.
    """

    def __init__(self, reason: str, *, unreachable: bool = False) -> None:
        super().__init__(reason)
        self.unreachable = unreachable


class StartOver(Exception):
    """The server does not give the rest of a file that was begun."""


@contextlib.contextmanager
def opened(url: str, headers: dict[str, str], timeout_s: float) -> Iterator[http.client.HTTPResponse]:
    """The server's answer to a request for `url`.

    Args:
        url: https; plain http only to this machine itself.
        headers: Beside the usual ones.
        timeout_s: Of each wait for the server.

    Raises:
        Unusable: The server refuses, or leads to an address that is not https.
        StartOver: It does not give the range that was asked for.
        Again: It cannot be reached, or is busy.
    """
    _check_address(url)
    # The file is wanted as it is: a packed one would have another length and other ranges.
    told = {"User-Agent": "livecam", "Accept-Encoding": "identity"} | headers
    with network_errors():
        answer = _opener(url).open(urllib.request.Request(url, headers=told), timeout=timeout_s)
    with answer:
        yield answer


@contextlib.contextmanager
def network_errors() -> Iterator[None]:
    """Turns what Python's HTTP client raises into `Unusable`, `StartOver` and `Again`."""
    try:
        yield
    except urllib.error.HTTPError as error:
        error.close()
        raise _refusal(error.code) from error
    except urllib.error.URLError as error:
        raise _line_failure(error.reason) from error
    except ValueError as error:
        raise Unusable(f"the address cannot be used ({error})") from error
    except OSError as error:
        raise _line_failure(error) from error
    except http.client.HTTPException as error:
        raise Again(f"the line was cut ({type(error).__name__})") from error


def _refusal(code: int) -> Exception:
    if code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
        return StartOver("the server does not give the rest of the file")
    if code in _LATER or code >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return Again(f"the server answered {code}")
    return Unusable(f"{_MEANINGS.get(code, 'the server refused')} ({code})")


def _line_failure(reason: str | BaseException) -> Exception:
    match reason:
        case ssl.SSLCertVerificationError():
            return Unusable(f"the server's certificate is not valid ({reason.verify_message})")
        case socket.gaierror():
            return Again("the name cannot be resolved; is there a network?", unreachable=True)
        case OSError() if reason.errno in _NO_WAY:
            return Again("there is no way to it; is there a network?", unreachable=True)
        case TimeoutError():
            return Again("the server is silent")
        case OSError():
            return Again(f"the line was cut ({reason.strerror or type(reason).__name__})")
        case _:
            return Again(f"the line was cut ({reason})")


def _check_address(url: str) -> None:
    with network_errors():
        parts = urllib.parse.urlsplit(url)
    if parts.scheme != "https" and not (parts.scheme == "http" and _is_this_machine(url)):
        raise Unusable(f"{url} is not https")


def _is_this_machine(url: str) -> bool:
    host = urllib.parse.urlsplit(url).hostname or ""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows to https only; what began on this machine, as tests do, may stay there."""

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: http.client.HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        """Refuse what the address itself would have been refused for.

        Raises:
            Unusable: It leads to an address that is not https.
        """
        parts = urllib.parse.urlsplit(newurl)
        stays = _is_this_machine(req.full_url) and _is_this_machine(newurl)
        if parts.scheme != "https" and not (parts.scheme == "http" and stays):
            raise Unusable(f"the server leads to an address that is not https ({parts.scheme}://{parts.netloc})")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _opener(url: str) -> urllib.request.OpenerDirector:
    """With the user's proxies, which know nothing of this machine itself."""
    proxies = urllib.request.ProxyHandler({} if _is_this_machine(url) else None)
    return urllib.request.build_opener(proxies, _Redirects())

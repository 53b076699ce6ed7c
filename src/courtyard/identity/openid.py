"""OpenID Connect Core 1.0 as a relying party speaks it: the code flow with PKCE (RFC 7636), and what is checked."""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Mapping
from typing import Any, cast
from urllib.parse import quote_plus, urlencode, urlsplit

import msgspec

from courtyard.core.errors import NotAuthenticated, Unavailable
from courtyard.http import CallFailed, call

WAY_S = 600
"""How long somebody may take to sign in at their provider."""

_ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519"]
"""Signatures that are believed: none that anybody could make who knows the client's secret, and never `none`."""
_LEEWAY_S = 60


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """What a provider says of itself (OpenID Connect Discovery 1.0, section 3)."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str | None = None


class Way(msgspec.Struct, frozen=True, kw_only=True):
    """What has to come back as it went out; it travels in the browser, where it can be read but not changed."""

    name: str
    state: str
    nonce: str
    verifier: str
    next: str
    until_ms: int


class Vouched(msgspec.Struct, frozen=True, kw_only=True):
    """Whom a provider vouches for."""

    issuer: str
    subject: str
    email: str
    is_verified: bool
    name: str
    groups: tuple[str, ...]


def new_way(name: str, *, next: str, now_ms: int) -> Way:
    """Begin a way there and back."""
    return Way(
        name=name,
        state=secrets.token_urlsafe(24),
        nonce=secrets.token_urlsafe(24),
        verifier=secrets.token_urlsafe(48),
        next=next,
        until_ms=now_ms + WAY_S * 1000,
    )


def seal(way: Way, key: bytes) -> str:
    """Write a way so that nobody else can make one."""
    text = base64.urlsafe_b64encode(msgspec.json.encode(way)).decode()
    return f"{text}.{_mac(text, key)}"


def unseal(sealed: str, key: bytes, *, now_ms: int) -> Way:
    """Read a way that we wrote.

    Raises:
        NotAuthenticated: we did not write it, or it is over.
    """
    text, _, mac = sealed.partition(".")
    if not hmac.compare_digest(mac.encode(), _mac(text, key).encode()):
        raise NotAuthenticated("this sign-in was not begun in this browser, or its cookies are off; begin again")
    way = msgspec.json.decode(base64.urlsafe_b64decode(text), type=Way)
    if now_ms >= way.until_ms:
        raise NotAuthenticated("this sign-in took too long; begin again")
    return way


def there(place: Place, way: Way, *, client_id: str, scopes: tuple[str, ...], back: str) -> str:
    """Write the address to which a browser is sent (section 3.1.2.1)."""
    challenge = base64.urlsafe_b64encode(hashlib.sha256(way.verifier.encode()).digest()).rstrip(b"=").decode()
    asked = {
        "response_type": "code",
        "client_id": client_id,
        "redirect_uri": back,
        "scope": " ".join(scopes),
        "state": way.state,
        "nonce": way.nonce,
        "code_challenge": challenge,
        "code_challenge_method": "S256",
    }
    joint = "&" if urlsplit(place.authorization_endpoint).query else "?"
    return place.authorization_endpoint + joint + urlencode(asked)


def discover(issuer: str, private_hosts: tuple[str, ...]) -> Place:
    """Ask a provider what it says of itself.

    Raises:
        Unavailable: it can't be reached, or calls itself something else.
    """
    found = _ask(f"{issuer.rstrip('/')}/.well-known/openid-configuration", private_hosts)
    try:
        place = msgspec.convert(found, Place)
    except msgspec.ValidationError as error:
        raise Unavailable(f"{issuer} is no provider of OpenID Connect: {error}") from error
    if place.issuer != issuer:
        raise Unavailable(f"the provider at {issuer} calls itself {place.issuer[:200]!r}; write that as its issuer")
    return place


def keys_of(place: Place, private_hosts: tuple[str, ...]) -> Any:
    """Ask a provider for the keys that it signs with.

    Raises:
        Unavailable: it can't be reached, or says what are no keys.
    """
    from joserfc.jwk import KeySet  # noqa: PLC0415 - Only who signs in so needs it.

    try:
        return KeySet.import_key_set(cast("Any", _ask(place.jwks_uri, private_hosts)))
    except (ValueError, TypeError, KeyError) as error:
        raise Unavailable(f"the keys of {place.issuer} can't be read: {type(error).__name__}") from error


def redeem(
    place: Place, way: Way, code: str, *, client_id: str, secret: str, back: str, private_hosts: tuple[str, ...]
) -> dict[str, Any]:
    """Change a code for tokens (section 3.1.3).

    Raises:
        NotAuthenticated: the provider does not take the code.
        Unavailable: it can't be reached.
    """
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": back,
        "client_id": client_id,
        "code_verifier": way.verifier,
    }
    headers = {"content-type": "application/x-www-form-urlencoded", "accept": "application/json"}
    if secret:
        headers["authorization"] = "Basic " + base64.b64encode(_credentials(client_id, secret)).decode()
    try:
        answer = call(place.token_endpoint, body=urlencode(form).encode(), headers=headers, private_hosts=private_hosts)
    except CallFailed as error:
        raise Unavailable(f"the provider can't be reached: {error.message}", retry_after_s=10) from error
    told = _object(answer.body)
    if answer.status != 200 or not isinstance(told.get("id_token"), str):
        said = str(told.get("error", answer.status))[:80]
        raise NotAuthenticated(f"the provider does not vouch for this sign-in ({said}); begin again")
    return told


def verified(token: str, keys: Any, *, place: Place, client_id: str, nonce: str, now_ms: int) -> dict[str, Any]:
    """Return the claims of an ID token that is this provider's, for us, and of this sign-in (section 3.1.3.7).

    Raises:
        NotAuthenticated: it is not.
    """
    from joserfc import jwt  # noqa: PLC0415
    from joserfc.errors import JoseError  # noqa: PLC0415

    try:
        claims: dict[str, Any] = jwt.decode(token, keys, algorithms=_ALGORITHMS).claims
    except (JoseError, ValueError, KeyError, TypeError) as error:
        raise NotAuthenticated(f"the provider's token can't be believed ({type(error).__name__})") from error
    audience = claims.get("aud")
    audiences = audience if isinstance(audience, list) else [audience]
    now_s = now_ms / 1000
    wrong = {
        "iss": claims.get("iss") != place.issuer,
        "aud": client_id not in audiences or (len(audiences) > 1 and claims.get("azp") != client_id),
        "exp": not _is_after(claims.get("exp"), now_s - _LEEWAY_S),
        "iat": not _is_after(now_s + _LEEWAY_S, claims.get("iat")),
        "nonce": not hmac.compare_digest(str(claims.get("nonce", "")).encode(), nonce.encode()),
        "sub": not isinstance(claims.get("sub"), str) or not 0 < len(claims["sub"]) <= 255,
    }
    if any(wrong.values()):
        named = ", ".join(name for name, is_wrong in wrong.items() if is_wrong)
        raise NotAuthenticated(f"the provider's token can't be believed: its {named} is not right; begin again")
    return claims


def told_of(
    place: Place, claims: Mapping[str, Any], access_token: object, private_hosts: tuple[str, ...]
) -> Mapping[str, Any]:
    """Add what the provider tells of somebody elsewhere, where the ID token has no e-mail address (section 5.3)."""
    if "email" in claims or place.userinfo_endpoint is None or not isinstance(access_token, str):
        return claims
    more = _ask(place.userinfo_endpoint, private_hosts, bearer=access_token)
    if more.get("sub") != claims["sub"]:  # Section 5.3.2: what is said of somebody else is not used.
        return claims
    return {**more, **claims}


def vouched(claims: Mapping[str, Any], *, groups_claim: str) -> Vouched:
    """Read whom the claims are about."""
    groups = claims.get(groups_claim)
    named = groups if isinstance(groups, list) else [groups] if isinstance(groups, str) else []
    return Vouched(
        issuer=str(claims["iss"]),
        subject=str(claims["sub"]),
        email=str(claims.get("email") or ""),
        is_verified=claims.get("email_verified") in (True, "true"),
        name=str(claims.get("name") or claims.get("preferred_username") or ""),
        groups=tuple(str(group) for group in named),
    )


def _ask(url: str, private_hosts: tuple[str, ...], *, bearer: str | None = None) -> dict[str, Any]:
    headers = {"accept": "application/json"}
    if bearer is not None:
        headers["authorization"] = f"Bearer {bearer}"
    try:
        answer = call(url, method="GET", headers=headers, private_hosts=private_hosts)
    except CallFailed as error:
        raise Unavailable(f"the provider can't be reached: {error.message}", retry_after_s=10) from error
    if answer.status != 200:
        raise Unavailable(f"the provider answers {url} with {answer.status}", retry_after_s=10)
    return _object(answer.body)


def _object(body: bytes) -> dict[str, Any]:
    try:
        found = msgspec.json.decode(body)
    except msgspec.DecodeError:
        return {}
    return found if isinstance(found, dict) else {}


def _credentials(client_id: str, secret: str) -> bytes:
    """Write a client's id and secret as RFC 6749, section 2.3.1, has them."""
    return f"{quote_plus(client_id)}:{quote_plus(secret)}".encode()


def _is_after(later: object, earlier: object) -> bool:
    numbers = isinstance(later, (int, float)) and isinstance(earlier, (int, float))
    return numbers and later > earlier  # type: ignore[operator]


def _mac(text: str, key: bytes) -> str:
    return hmac.new(key, b"sign-on\0" + text.encode(), "sha256").hexdigest()

"""The ways a notice goes: a signed webhook, or an e-mail. Each says why it failed, or nothing."""

import smtplib
import ssl
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

from courtyard.core.clock import date_time
from courtyard.core.errors import CourtyardError
from courtyard.http import call
from courtyard.notices import rules
from courtyard.notices.model import Channel, Claimed, Failure, NoticesSettings, SmtpSettings

_LATER = (429, 502, 503, 504)
_GONE = 410
_WEBHOOK_S_MAX = 60.0
"""However long it may take by the settings, an attempt ends well within its claim's lease."""


def send(claimed: Claimed, settings: NoticesSettings, *, now_ms: int) -> Failure | None:
    """Attempt a delivery once."""
    if claimed.delivery.endpoint.channel is Channel.WEBHOOK:
        return _send_webhook(claimed, settings, now_ms=now_ms)
    return _send_email(claimed, settings.smtp)


def _send_webhook(claimed: Claimed, settings: NoticesSettings, *, now_ms: int) -> Failure | None:
    notice, endpoint = claimed.delivery.notice, claimed.delivery.endpoint
    body, timestamp_s = rules.body_of(notice), now_ms // 1000
    try:
        answer = call(
            endpoint.address,
            body=body,
            headers={
                "content-type": "application/json",
                "webhook-id": notice.id,
                "webhook-timestamp": str(timestamp_s),
                "webhook-signature": rules.sign(claimed.secret, id=notice.id, timestamp_s=timestamp_s, body=body),
            },
            seconds=min(settings.webhook_s, _WEBHOOK_S_MAX),
            private_hosts=settings.private_hosts,
        )
    except CourtyardError as error:
        return Failure(reason=error.message)
    if 200 <= answer.status < 300:
        return None
    later_s = answer.retry_after_s if answer.status in _LATER else None
    return Failure(reason=f"HTTP {answer.status}", gone=answer.status == _GONE, retry_after_s=later_s or 0)


def _send_email(claimed: Claimed, smtp: SmtpSettings) -> Failure | None:
    if not smtp.host:
        return Failure(reason="no mail server is set up; set notices.smtp.host")
    try:
        message = _message(claimed, smtp)
        with _server(smtp) as server:
            if smtp.username:
                server.login(smtp.username, smtp.password)
            server.send_message(message, from_addr=smtp.sender, to_addrs=[claimed.delivery.endpoint.address])
    except smtplib.SMTPResponseException as error:
        said = error.smtp_error
        words = said.decode("utf-8", "replace") if isinstance(said, bytes) else said
        return Failure(reason=rules.line(f"the mail server said {error.smtp_code} {words}"))
    except smtplib.SMTPRecipientsRefused as error:
        refusals = "; ".join(f"{code} {why.decode('utf-8', 'replace')}" for code, why in error.recipients.values())
        return Failure(reason=rules.line(f"the mail server refused the address: {refusals}"))
    except (OSError, ValueError) as error:  # smtplib's other errors are OSErrors.
        return Failure(reason=rules.line(f"the mail server can't be reached: {error or type(error).__name__}"))
    return None


def _message(claimed: Claimed, smtp: SmtpSettings) -> EmailMessage:
    """Write the e-mail. Each header is one line by construction; the library refuses any other."""
    notice, endpoint = claimed.delivery.notice, claimed.delivery.endpoint
    message = EmailMessage(policy=SMTP)
    message["From"] = smtp.sender
    message["To"] = rules.check_email(endpoint.address)
    message["Subject"] = rules.line(notice.subject)
    message["Date"] = format_datetime(date_time(notice.at_ms))
    message["Message-ID"] = f"<{notice.id}.{endpoint.id}@{smtp.sender.partition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(rules.letter(notice))
    return message


def _server(smtp: SmtpSettings) -> smtplib.SMTP:
    if smtp.security == "tls":
        return smtplib.SMTP_SSL(smtp.host, smtp.port, timeout=smtp.seconds, context=ssl.create_default_context())
    server = smtplib.SMTP(smtp.host, smtp.port, timeout=smtp.seconds)
    if smtp.security == "starttls":
        try:
            server.starttls(context=ssl.create_default_context())
        except BaseException:
            server.close()
            raise
    return server

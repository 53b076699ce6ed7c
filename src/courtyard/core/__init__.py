"""The words every room shares: ids, amounts, usage, chat, principal, admission, clock, errors."""

"""Chinese, in simplified characters."""

from courtyard.languages.model import Language, always_other
from courtyard.languages.zh.assistant import ASSISTANT
from courtyard.languages.zh.console import CONSOLE
from courtyard.languages.zh.knowledge import KNOWLEDGE

CHINESE = Language(
    code="zh",
    name="简体中文",
    strings={**CONSOLE, **ASSISTANT, **KNOWLEDGE},
    plural=always_other,
    signs={"USD": "US$", "EUR": "€", "GBP": "£", "JPY": "JP¥", "CNY": "¥", "INR": "₹", "KRW": "₩"},
    day_pattern="{year}年{month}月{day}日",
    moment_pattern="{year}年{month}月{day}日 {hour:02}:{minute:02}:{second:02} UTC",
)

__all__ = ["CHINESE"]

"""Where documents come from by themselves: folders, web pages and buckets that are looked at again and again."""

from courtyard.knowledge.sources.model import Bucket, Folder, Pages, Source
from courtyard.knowledge.sources.service import Sources

__all__ = ["Bucket", "Folder", "Pages", "Source", "Sources"]

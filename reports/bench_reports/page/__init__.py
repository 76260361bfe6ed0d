"""The report: one HTML file that needs nothing else, made of records alone."""

from bench_reports.page.content import Content, content_of
from bench_reports.page.html import render

__all__ = ["Content", "content_of", "render"]

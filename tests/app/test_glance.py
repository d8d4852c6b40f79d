"""The glance asks its sources at the same time, and survives one that fails."""

import asyncio

import pytest
from asgiref.sync import iscoroutinefunction
from board.views import glance
from django.test import AsyncClient
from django.urls import resolve

pytestmark = pytest.mark.asyncio


async def test_it_is_a_coroutine_function_by_djangos_own_test() -> None:
    assert iscoroutinefunction(resolve("/glance/").func)


async def test_sources_are_asked_at_the_same_time(board: None, monkeypatch: pytest.MonkeyPatch) -> None:
    everybody = asyncio.Barrier(3)

    async def met() -> str:
        await everybody.wait()  # passes only once all three are waiting
        return "met the others"

    monkeypatch.setattr(glance, "SOURCES", {"a": met, "b": met, "c": met})
    answers = (await AsyncClient().get("/glance/")).context["answers"]
    assert [answer.text for answer in answers] == ["met the others"] * 3


async def test_a_source_that_fails_is_a_line_of_the_page(board: None, monkeypatch: pytest.MonkeyPatch) -> None:
    async def down() -> str:
        raise ConnectionError("no route")

    async def silent() -> str:
        await asyncio.Event().wait()
        return "never"

    monkeypatch.setattr(glance, "SOURCES", {**glance.SOURCES, "down": down, "silent": silent})
    page = (await AsyncClient().get("/glance/")).content.decode()
    assert "no answer (ConnectionError)" in page
    assert "no answer (TimeoutError)" in page
    assert "1 on the board" in page
    assert "there and back" in page

"""What `draw_pictures.py` draws beside the window's own pages: tray, demo menu, other assets, language and density."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
from PySide6.QtCore import QLocale, QSize
from PySide6.QtWidgets import QApplication, QGridLayout, QLabel, QWidget

from desktop_app.core.events import ProfileState
from desktop_app.hub.demo.server import DemoHub
from desktop_app.ui import theme
from desktop_app.ui.demo_menu import DemoButton
from desktop_app.ui.language import use_language
from desktop_app.ui.tray import state_icon

PANELS = ("#f2f2f2", "#202020")
"""Grounds that desktops give their trays, whatever the app's own theme is."""


async def tray(drawer: Any) -> None:
    """The icon of every state, in the sizes of trays, on a light and on a dark panel."""
    sheet = QWidget(drawer.window)
    grid = QGridLayout(sheet)
    grid.setSpacing(0)
    for column, state in enumerate((None, *ProfileState)):
        for row, (ground, side) in enumerate((ground, side) for ground in PANELS for side in (24, 48)):
            cell = QLabel()
            cell.setPixmap(state_icon(state).pixmap(QSize(side, side), 1.0))
            cell.setStyleSheet(f"background: {ground}; padding: 4px;")
            grid.addWidget(cell, row, column)
    sheet.resize(sheet.sizeHint())
    await drawer.keep("tray", sheet)
    sheet.deleteLater()


async def demo_menu(drawer: Any) -> None:
    """What the demo's own menu offers where the demo can be left."""
    async with DemoHub() as hub:

        async def fails(_how: str) -> None: ...

        button = DemoButton(hub, lambda work, _: work.close(), dict, fails, lambda: None, drawer.window)
        menu = button.entries
        menu.ensurePolished()
        menu.resize(menu.sizeHint())
        await drawer.keep("demo-menu", menu)
        button.deleteLater()


async def assets(drawer: Any) -> None:
    """A video without the extra that reads it, and a DICOM slice with its window of values."""
    make, host, window = drawer.fakes, drawer.host, drawer.window
    mine = make.make_profile("Fasteners")
    clip = write_clip()
    record = make.make_job(mine, 950, asset_path=str(clip), asset_type="video/mp4", external_id="clip.mp4", objects=8)
    host.put_job(record, make.make_detail())
    window.viewing.open_job(record)
    await drawer.keep("asset-video", ready=lambda: window.asset.stack.currentWidget() is window.asset.message)
    if drawer.look != "light":
        return  # the child that reads it takes a while to start
    slice_ = write_dicom()
    record = make.make_job(
        mine, 951, asset_path=str(slice_), asset_type="application/dicom", external_id="slice.dcm", objects=1
    )
    host.put_job(record, make.make_detail([make.SHAPES[0]]))
    window.viewing.open_job(record)
    await drawer.keep("asset-dicom", ready=lambda: window.asset.window_bar.isVisible() and window.asset.view.is_sharp)


def write_clip() -> Path:
    """What only calls itself a video."""
    path = Path("clip.mp4").absolute()
    path.write_bytes(b"\0" * 64)
    return path


def write_dicom() -> Path:
    """A slice of 12 bits with a bright disc on a ramp."""
    import pydicom
    from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

    path = Path("slice.dcm").absolute()
    across, down = np.meshgrid(np.arange(320), np.arange(240))
    values = (across * 4 + np.where((across - 160) ** 2 + (down - 120) ** 2 < 3600, 1800, 0)).astype(np.uint16)
    dataset = pydicom.Dataset()
    dataset.file_meta = pydicom.dataset.FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta.MediaStorageSOPClassUID = CTImageStorage
    dataset.file_meta.MediaStorageSOPInstanceUID = generate_uid(entropy_srcs=["plugdeck"])
    dataset.Rows, dataset.Columns = values.shape
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 16, 12, 11, 0
    dataset.RescaleIntercept, dataset.RescaleSlope = -1024, 1
    dataset.WindowCenter, dataset.WindowWidth = 400, 2400
    dataset.PixelData = values.tobytes()
    dataset.save_as(path, enforce_file_format=True)
    return path


async def extras(drawer: Any) -> None:
    """All of these, in the window that is open."""
    await tray(drawer)
    await demo_menu(drawer)
    await assets(drawer)


async def pages(drawer: Any, before: str) -> None:
    """The main pages of a window of its own, in the language and density in force."""
    await drawer.begin()
    window = drawer.window
    drawer.host.put(drawer.fakes.make_profile("Fasteners"))
    jobs = drawer.fill()
    window.show_page("live")
    window.viewing.open_job(jobs[0])
    await drawer.keep(f"{before}-live")
    window.show_page("history")
    await drawer.keep(f"{before}-history")
    window.side.show_settings()
    await drawer.keep(f"{before}-settings")
    window.open_editor()
    await drawer.keep(f"{before}-editor")
    await window.end()
    window.close_now()
    window.deleteLater()


def without_video() -> None:
    """As where the extra that reads videos is not installed, here too."""
    sys.modules["PySide6.QtMultimedia"] = None  # type: ignore[assignment]


def compact(app: QApplication) -> None:
    theme.apply_theme(app, "light", "compact")


def german(app: QApplication) -> None:
    theme.apply_theme(app, "light", "comfortable")
    use_language(app, "de")
    QLocale.setDefault(QLocale("de_DE"))

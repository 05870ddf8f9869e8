from __future__ import annotations

from desktop_app.core.prediction import Prediction


def test_predictions_share_nothing() -> None:
    first, second = Prediction(), Prediction()
    first.instances.append({"class": "bolt"})
    assert second.instances == []
    assert second == Prediction(kind="model", run_ms=0.0)

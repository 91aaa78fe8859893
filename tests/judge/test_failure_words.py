"""Which lines below WARNING say that something failed, as signatures: numbers and names are `<*>`."""

import pytest

from pipeline.judge.failure_words import speaks_of_failure

FAILED = [
    "checkout failed for basket <*>",
    "order <*> failed",
    "payment <*> declined: gateway unreachable, order dropped",
    "order <*> lost: upstream gave HTTP <*>",
    "Error sending confirmation mail to <email>: <*> Authentication credentials invalid",
    "Error: charging order <*>",
    "could not reach the stock service, giving up",
    "context deadline exceeded",
    "timeout while waiting for a connection",
    "message moved to dead-letter topic: dead-lettered after <*> attempts",
    "FEHLER: Zahlung <*> fehlgeschlagen, Kunde nicht belastet",
    "Bestellung <*> konnte nicht gespeichert werden",
    "Échec de l'envoi du courriel",
    "No se pudo guardar el pedido <*>",
    "não foi possível salvar o pedido <*>",
    "Ошибка при сохранении заказа <*>",
    "注文 <*> の保存に失敗しました",
    "订单 <*> 保存失败",
    "주문 <*> 저장 실패",
]
NOT_FAILED = [
    "checkout done for basket <*>",
    "import done: <*> ok, <*> failed",
    "<*> failed, <*> ok",
    "batch done; failed records <*> of <*>",
    "sync finished (<*> rows, failed=<*>)",
    "import done, failed: 0",
    'stats {"ok":<*>,"failed":<*>}',
    "failed=[] in <*> ms",
    "is_failed=false",
    "health: no failures",
    "ended without errors",
    "error rate <*> %",
    "error handler registered",
    "errors: none",
    "timeout set to <*> s",
    "Import beendet, keine Fehler",
    "importación terminada sin errores",
    "terminé, aucune erreur",
    "取込完了、エラーなし",
    "导入完成，没有错误",
    "가져오기 완료, 오류 없음",
]


@pytest.mark.parametrize("text", FAILED)
def test_what_reports_a_failure(text):
    """In the words of several languages."""
    assert speaks_of_failure(text)


@pytest.mark.parametrize("text", NOT_FAILED)
def test_what_denies_or_counts_failures(text):
    """Of a count nobody sees here whether it is 0."""
    assert not speaks_of_failure(text)

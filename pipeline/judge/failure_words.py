"""Whether a line below WARNING reports a failure, by its words: in English, and in what teams of other countries log.

A line is known here by its signature: numbers and names in it are `<*>`.
"""

import re

#: Words that a failure is told with. `error` and `timeout` name settings and counts too, so they need company.
_ENGLISH = (
    r"\b(?:fail(?:ed|ure)|could not|couldn't|cannot|can't|unable to|refused|denied|timed out|exception|unreachable|"
    r"gave up|giving up|rejected|declined|aborted|crashed|corrupt(?:ed)?|discard(?:ed|ing)|dropp(?:ed|ing)|lost|"
    r"error(?:ed)?(?=: \D| (?:\w+ing|while|when|during|in|from|occurred|on|at)\b)|"
    r"time-?out (?:exceeded|expired|while|waiting|after|on)|deadline exceeded|dead[- ]?letter(?:ed|ing))\b"
)
_ELSEWHERE = (
    r"\b(?:fehler|fehlgeschlagen|konnte nicht|konnten nicht|nicht erreichbar|abgebrochen|verworfen|"  # German
    r"erreur|échec|échoué|impossible|refusée?|"  # French
    r"falló|fallid[oa]|fallo|error al|no se pudo|rechazad[oa]|"  # Spanish
    r"erro|falha|falhou|não foi possível|recusad[oa]|"  # Portuguese
    r"errore|fallit[oa]|impossibile|fout|mislukt|błąd|nie udało|hata|başarısız|"  # Italian, Dutch, Polish, Turkish
    r"ошибка|ошибки|не удалось|сбой|отказано)\b"  # Russian
    r"|失败|错误|无法|异常|超时|失敗|エラー|例外|できません|실패|오류|예외"  # Chinese, Japanese, Korean
)
_FAILURE = re.compile(f"(?i){_ENGLISH}|{_ELSEWHERE}")

#: What denies it, and what counts it: nobody sees in `<*> failed` whether the number is 0. In `order <*> failed` it is
#: a name.
_NO = r"no|0|zero|without|not|never|none|keine?|ohne|sin|ningún|aucune?|sans|sem|nenhum|senza|nessun|geen|bez|без|нет"
_NOUN = (
    r"(?:fail(?:ed|ures?)?|errors?|exceptions?|rejected|dropped|discarded|declined|aborted|lost|denied|refused|fehler|"
    r"fehlgeschlagen|erreurs?|échecs?|errores|fallos?|fallidos?|erros?|falhas?|errori|ошибок|сбоев)"
)
_NO_FAILURE = re.compile(
    rf"(?i)\b(?:{_NO}) (?:\w+ )?{_NOUN}\b"
    rf"|(?:^|[^\w ] ?|\b(?:and|of|or|und|et|y|e) )<\*> (?:\w+ )?{_NOUN}(?![\w:] ?\w)"
    rf"|\b{_NOUN}(?: \w+s)?[\"']?(?: ?[:=] ?| )[\"']?(?:[0<\[{{(]|(?:false|no|none|null|nil)\b)"
    r"|(?:没有|无|未发现)(?:错误|失败|异常)|(?:错误|失败|异常|エラー|失敗|例外)[数件は：:=]* ?(?:なし|ありません|[0<])"
    r"|(?:실패|오류|예외)[가는:=]? ?[없0<]"
)


def speaks_of_failure(text: str) -> bool:
    """Return whether a line's signature says that something failed, and does not deny or count it.

    >>> [speaks_of_failure(text) for text in ("mail failed", "import: <*> ok, <*> failed", "Versand fehlgeschlagen")]
    [True, False, True]
    """
    return bool(_FAILURE.search(text)) and not _NO_FAILURE.search(text)

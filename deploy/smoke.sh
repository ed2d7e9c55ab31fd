#!/usr/bin/env bash
# Ask a running service one question and check its citation: deploy/smoke.sh [URL] [QUESTION]
#
# Exit status: 0 the answer is cited and every quote stands in the stored text where the citation says;
# 1 no answer, no citation, or a quote that is not there; 2 the service cannot be reached or answers with an error.
# Needs python3 (PYTHON=...) and nothing else.
set -euo pipefail

url="${1:-http://127.0.0.1:8000}"
question="${2:-How many entries does the vocabulary of GPT-2 have?}"

exec "${PYTHON:-python3}" - "${url%/}" "$question" <<'PYTHON'
import json
import sys
import urllib.error
import urllib.parse
import urllib.request

url, question = sys.argv[1:]


def fetch(path, body=None):
    """The response's text; exits with 2 and one line when there is none."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url + path, data=data, headers={"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=120) as response:
            return response.read().decode("utf-8")
    except urllib.error.HTTPError as error:
        print(f"{path}: {error.code} {error.read().decode('utf-8', 'replace').strip()}", file=sys.stderr)
    except OSError as error:
        print(f"cannot reach {url}{path}: {error}", file=sys.stderr)
    sys.exit(2)


def place(citation):
    """Where a citation points, in words."""
    parts = [citation["path"]]
    for field, name in (("page", "page"), ("cell", "cell"), ("line_start", "line")):
        if citation.get(field) is not None:
            parts.append(f"{name} {citation[field]}")
    return ", ".join(parts)


answer = json.loads(fetch("/v1/ask", {"question": question}))
print(f"Q: {question}")
if answer["abstained"] or not answer["answer"]:
    print(f"A: not in your materials (probability that it is: {answer['confidence']:.2f})")
    sys.exit(1)
print(f"A: {answer['answer']}   (confidence {answer['confidence']:.2f}, {answer['timings_ms']['total']:.0f} ms)")
if not answer["citations"]:
    print("no citation", file=sys.stderr)
    sys.exit(1)
for citation in answer["citations"]:
    print(f"   \"{citation['quote']}\" - {place(citation)}")
    document = urllib.parse.quote(citation["document_id"], safe="")
    stored = json.loads(fetch(f"/v1/documents/{document}/text?start={citation['start']}&end={citation['end']}"))
    if stored["text"] != citation["quote"]:
        print("the quote does not stand in the stored text where the citation says", file=sys.stderr)
        sys.exit(1)
PYTHON

#!/bin/sh
# Every door, with nothing but curl.
#
#   COURTYARD_API_KEY=cy_… sh examples/curl.sh
#
# COURTYARD_URL says where the server is, if not at http://127.0.0.1:8420.
set -eu

url=${COURTYARD_URL:-http://127.0.0.1:8420}
model=${COURTYARD_MODEL:-default}
ask() {
    curl --silent --show-error --fail-with-body --no-buffer "$url$1" \
        --header "Authorization: Bearer $COURTYARD_API_KEY" --header "Content-Type: application/json" --data "$2"
    echo
}

echo "# Models"
curl --silent --show-error --fail-with-body "$url/v1/models" --header "Authorization: Bearer $COURTYARD_API_KEY"
echo

echo "# Chat"
ask /v1/chat/completions '{"model": "'"$model"'", "messages": [{"role": "user", "content": "Say hello."}], "max_tokens": 20}'

echo "# Chat, streamed"
ask /v1/chat/completions '{"model": "'"$model"'", "messages": [{"role": "user", "content": "Say hello."}], "max_tokens": 20, "stream": true}'

echo "# Completion"
ask /v1/completions '{"model": "'"$model"'", "prompt": "Once upon a time", "max_tokens": 20}'

echo "# Response"
ask /v1/responses '{"model": "'"$model"'", "input": "Say hello.", "max_output_tokens": 20, "store": false}'

echo "# Message"
ask /v1/messages '{"model": "'"$model"'", "messages": [{"role": "user", "content": "Say hello."}], "max_tokens": 20}'

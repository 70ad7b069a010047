"""schemathesis over the OpenAPI document: whatever is asked, the daemon answers what the document says, and no 5xx."""

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import response_schema_conformance, status_code_conformance


@pytest.mark.timeout(300)
def test_no_question_makes_it_fail(rack):
    document = schemathesis.openapi.from_url(f"http://127.0.0.1:{rack.port}/openapi.json")
    asked = 0

    def check(operation):
        @given(case=operation.as_strategy())
        @settings(max_examples=30, deadline=None, database=None, suppress_health_check=list(HealthCheck))
        def ask(case):
            nonlocal asked
            asked += 1
            headers = {"Authorization": f"Bearer {rack.tokens['admin']}", "Accept": "application/json"}
            answer = case.call(headers=headers)
            checks = [not_a_server_error, status_code_conformance, response_schema_conformance]
            case.validate_response(answer, checks=checks)

        ask()

    operations = [found.ok() for found in document.get_all_operations()]
    assert len(operations) > 20
    for operation in operations:
        check(operation)
    assert asked > 20 * len(operations)
    with rack.client("") as client:
        assert client.get("/healthz").status_code == 200

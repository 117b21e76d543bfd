"""The kind of a failure, from exception texts and stacks."""

import pytest

from obs_core.issues import failure

PYTHON = """Traceback (most recent call last):
  File "/app/shop/cart.py", line 12, in checkout
    pay(card)
  File "/app/shop/pay.py", line 40, in pay
    return requests.post(url)
  File "/usr/lib/python3.11/site-packages/requests/api.py", line 59, in post
    raise ConnectionError(url)
requests.exceptions.ConnectionError: no route
"""
JAVA = """java.lang.IllegalStateException: no seat
\tat java.base/java.util.Optional.orElseThrow(Optional.java:403)
\tat org.springframework.web.Filter.doFilter(Filter.java:117)
\tat fdse.food.FoodService.getAllFood(FoodService.java:302)
\tat fdse.food.FoodController.get(FoodController.java:41)
"""
NODE = """Error: 14 UNAVAILABLE
    at callErrorFromStatus (/app/node_modules/@grpc/grpc-js/build/src/call.js:31:19)
    at async placeOrder (/app/src/checkout.js:88:5)
    at process.processTicksAndRejections (node:internal/process/task_queues:95:5)
"""


@pytest.mark.parametrize(
    ("exception", "kind"),
    [
        ("KeyError: 'price'", "KeyError"),
        (
            "requests.exceptions.ConnectionError: HTTPConnectionPool(host='x', port=8080): Max retries",
            "requests.exceptions.ConnectionError",
        ),
        ("StopIteration", "StopIteration"),
        ("java.lang.IllegalStateException: no seat", "java.lang.IllegalStateException"),
        ("16:43:08.270 ERROR f.s.FoodServiceImpl#302", ""),
        ("something went wrong: badly", ""),
        ("", ""),
    ],
)
def test_the_type_is_the_text_before_the_colon_if_it_is_a_name(exception: str, kind: str) -> None:
    assert failure(exception, "").type == kind


@pytest.mark.parametrize(
    ("stack", "location"),
    [
        (PYTHON, "pay.py in pay"),
        (JAVA, "FoodService.java in fdse.food.FoodService.getAllFood"),
        (NODE, "checkout.js in placeOrder"),
        ('  File "/usr/lib/python3.11/json/decoder.py", line 355, in raw_decode\n', "decoder.py in raw_decode"),
        ("no stack at all", ""),
        ("", ""),
    ],
)
def test_the_location_is_the_innermost_frame_of_the_programs_own_code(stack: str, location: str) -> None:
    assert failure("E", stack).location == location

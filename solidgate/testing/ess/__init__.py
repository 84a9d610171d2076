"""A double of Inrupt's Enterprise Solid Server, both generations, awkward on purpose.

::

    async with EssDouble(generation="2.x") as ess:
        alice = ess.add_person("alice")
        ess.put(alice.pod + "energy.ttl", b"<> a <x:Y> .")
        ess.misbehave(Odd.NEED_INFO_LOOP, amount=3)
        ...                                     # somebody asks for access
        grant = ess.approve(request, modes=["Read"])

``docs/reference/ess-double.md`` says what each host does, and lists the behaviours by number.
"""

from solidgate.testing.ess.behaviours import Odd
from solidgate.testing.ess.double import EssDouble
from solidgate.testing.ess.ground import EssPerson
from solidgate.testing.ess.host import SeenRequest

__all__ = ["EssDouble", "EssPerson", "Odd", "SeenRequest"]

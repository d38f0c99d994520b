"""Dear Self: a course that arrives by email and is answered by email.

The rooms, from the ground up (imports point down only; tests/test_architecture.py holds them to it):

    plain      settings schedule links keys addresses outgoing content/ reading/   no database, network or clock
    store      store/            tables, states and allowed moves, transactions, migrations
    journeys   journeys/         one module per journey: the only writers
    edges      app cli web/ outbound/ inbound/ and worker.py: carry bytes in and out

ARCHITECTURE.md says where everything happens.
"""

"""One module per journey, one transaction per step: the only writers of the store.

Every function gets what it works with (a Service) and the time: `now` is course time, `real_now` real time, both aware
UTC. Decisions are made by the pure modules; here they become rows.
"""

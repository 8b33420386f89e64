// Each test runs a server, and calls are timed: one at a time.
[assembly: CollectionBehavior(DisableTestParallelization = true)]

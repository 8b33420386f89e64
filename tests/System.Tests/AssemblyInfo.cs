// Each test runs a server and phones, whose calls last as long as people's do: two classes at a time use the cores that wait for speech to end.
[assembly: CollectionBehavior(MaxParallelThreads = 2)]

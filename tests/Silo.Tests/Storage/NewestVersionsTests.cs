using IvrActors.Silo.Storage;
using Xunit;

namespace IvrActors.Silo.Tests.Storage;

public sealed class NewestVersionsTests
{
    [Fact]
    public void The_newest_version_counts_whoever_comes_with_it_and_in_which_order()
    {
        var newest = new NewestVersions();
        Parallel.For(1, 1000, version => newest.Saw("note", Grain(1), version));
        newest.Saw("note", Grain(1), 5);
        Assert.False(newest.IsNewest("note", Grain(1), 998));
        Assert.True(newest.IsNewest("note", Grain(1), 999));
        Assert.False(newest.IsNewest("note", Grain(1), 0));
        Assert.True(newest.IsNewest("scratch", Grain(1), 1));
        Assert.True(newest.IsNewest("note", Grain(2), 0));
        newest.Forget("note", Grain(1));
        Assert.True(newest.IsNewest("note", Grain(1), 0));
    }

    [Fact]
    public void When_it_is_full_it_begins_anew_and_does_not_refuse_what_it_forgot()
    {
        var newest = new NewestVersions(most: 10);
        for (var i = 0; i < 10; i++) newest.Saw("note", Grain(i), 2);
        newest.Saw("note", Grain(3), 3);
        Assert.False(newest.IsNewest("note", Grain(0), 1));
        newest.Forget("note", Grain(9));
        newest.Saw("note", Grain(10), 2);
        Assert.False(newest.IsNewest("note", Grain(0), 1));
        newest.Saw("note", Grain(11), 2);
        Assert.True(newest.IsNewest("note", Grain(0), 1));
        Assert.False(newest.IsNewest("note", Grain(11), 1));
    }

    private static GrainId Grain(int i) => GrainId.Create("note", $"note-{i}");
}

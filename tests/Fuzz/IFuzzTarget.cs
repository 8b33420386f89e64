namespace IvrActors.Fuzz;

/// <summary>One parser under test with the oracle that judges it.</summary>
public interface IFuzzTarget
{
    /// <summary>Name on the command line, and of the folder under corpus/.</summary>
    string Name { get; }

    /// <summary>Byte sequences of the format that random mutation would seldom find.</summary>
    IReadOnlyList<byte[]> Dictionary { get; }

    /// <summary>Gives the input to the parser. Returns whether it was accepted; throws <see cref="OracleException"/> when the oracle disagrees.</summary>
    bool Run(ReadOnlyMemory<byte> input);
}

/// <summary>The parser accepted or refused what it should not have, or did not write what it had read.</summary>
public sealed class OracleException(string message) : Exception(message)
{
    /// <summary>Throws unless the oracle's sentence holds.</summary>
    internal static void Require(bool holds, string otherwise)
    {
        if (!holds)
            throw new OracleException(otherwise);
    }
}

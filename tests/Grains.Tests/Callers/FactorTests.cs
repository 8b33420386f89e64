using System.Security.Cryptography;
using System.Text;
using IvrActors.Grains.Callers;
using IvrActors.Grains.Callers.Factors;
using IvrActors.Grains.Interfaces.Calls;
using Org.BouncyCastle.Crypto.Generators;
using Org.BouncyCastle.Crypto.Parameters;
using Xunit;

namespace IvrActors.Grains.Tests.Callers;

public sealed class FactorTests
{
    private static readonly byte[] s_seed = Encoding.ASCII.GetBytes("12345678901234567890");

    // RFC 4226 Appendix D.
    [Theory]
    [InlineData(0, "755224"), InlineData(1, "287082"), InlineData(2, "359152"), InlineData(3, "969429"), InlineData(4, "338314")]
    [InlineData(5, "254676"), InlineData(6, "287922"), InlineData(7, "162583"), InlineData(8, "399871"), InlineData(9, "520489")]
    public void HOTP_reproduces_RFC_4226_appendix_D(long counter, string code)
    {
        Assert.Equal(code, CodeOf(HashAlgorithmName.SHA1, s_seed, counter, 6));
        Assert.True(Hotp.Matches(s_seed, counter, Encoding.ASCII.GetBytes(code)));
        Assert.False(Hotp.Matches(s_seed, counter + 1, Encoding.ASCII.GetBytes(code)));
    }

    // RFC 6238 Appendix B; the seeds of SHA-256 and SHA-512 are 32 and 64 bytes of the same digits.
    [Theory]
    [InlineData(59, "94287082", "46119246", "90693936")]
    [InlineData(1111111109, "07081804", "68084774", "25091201")]
    [InlineData(20000000000, "65353130", "77737706", "47863826")]
    public void TOTP_reproduces_RFC_6238_appendix_B(long seconds, string sha1, string sha256, string sha512)
    {
        var step = Totp.StepOf(DateTimeOffset.FromUnixTimeSeconds(seconds));
        Assert.Equal(sha1, CodeOf(HashAlgorithmName.SHA1, Seed(20), step, 8));
        Assert.Equal(sha256, CodeOf(HashAlgorithmName.SHA256, Seed(32), step, 8));
        Assert.Equal(sha512, CodeOf(HashAlgorithmName.SHA512, Seed(64), step, 8));
    }

    [Fact]
    public void Codes_are_those_of_an_independent_implementation()
    {
        var theirs = new OtpNet.Totp(s_seed);
        for (var minute = 0; minute < 500; minute++)
        {
            var now = new DateTimeOffset(2026, 1, 1, 0, minute % 60, 7, TimeSpan.Zero).AddHours(minute);
            Assert.Equal(theirs.ComputeTotp(now.UtcDateTime), CodeOf(HashAlgorithmName.SHA1, s_seed, Totp.StepOf(now), 6));
        }
    }

    [Theory]
    [InlineData(0, true), InlineData(-1, true), InlineData(-2, false), InlineData(1, false)]
    public void A_code_counts_in_its_step_and_the_next(int stepsOfCode, bool accepted)
    {
        var now = new DateTimeOffset(2026, 5, 4, 12, 0, 0, TimeSpan.Zero);
        var code = Encoding.ASCII.GetBytes(CodeOf(HashAlgorithmName.SHA1, s_seed, Totp.StepOf(now) + stepsOfCode, 6));
        Assert.Equal(accepted, new TotpFactor().Verify(At(now), new CallerState { TotpKey = s_seed }, code).Accepted);
    }

    [Fact]
    public void After_a_code_neither_it_nor_an_earlier_one_counts()
    {
        var now = new DateTimeOffset(2026, 5, 4, 12, 0, 0, TimeSpan.Zero);
        var factor = new TotpFactor();
        var code = Encoding.ASCII.GetBytes(CodeOf(HashAlgorithmName.SHA1, s_seed, Totp.StepOf(now), 6));
        var earlier = Encoding.ASCII.GetBytes(CodeOf(HashAlgorithmName.SHA1, s_seed, Totp.StepOf(now) - 1, 6));
        var after = factor.Verify(At(now), new CallerState { TotpKey = s_seed }, code).Next!;
        Assert.Equal(Totp.StepOf(now), after.LastTotpStep);
        Assert.False(factor.Verify(At(now), after, code).Accepted);
        Assert.False(factor.Verify(At(now), after, earlier).Accepted);
        Assert.False(factor.Verify(At(now.AddSeconds(30)), after, code).Accepted);
    }

    [Theory]
    [InlineData(""), InlineData("12345"), InlineData("1234567"), InlineData("\0\0\0\0\0\0"), InlineData("００００００")]
    public void What_is_no_code_is_refused(string digits)
    {
        Assert.False(new TotpFactor().Verify(At(DateTimeOffset.UnixEpoch.AddYears(50)), new CallerState { TotpKey = s_seed }, Encoding.UTF8.GetBytes(digits)).Accepted);
        Assert.False(new TotpFactor().Verify(At(DateTimeOffset.UnixEpoch.AddYears(50)), null, Encoding.UTF8.GetBytes(digits)).Accepted);
    }

    // RFC 9106 5.3. libsodium offers one lane, no secret and no associated data, so the vector is reproduced by BouncyCastle, and libsodium is compared with that below.
    [Fact]
    public void The_reference_Argon2id_reproduces_RFC_9106_5_3()
    {
        var reference = new Argon2Parameters.Builder(Argon2Parameters.Argon2id).WithVersion(Argon2Parameters.Version13)
            .WithMemoryAsKB(32).WithIterations(3).WithParallelism(4)
            .WithSalt(Fill(16, 2)).WithSecret(Fill(8, 3)).WithAdditional(Fill(12, 4)).Build();
        Assert.Equal("0d640df58d78766c08c037a34a8b53c9d01ef0452d75b65eb52520e96b01e659", Reference(reference, Fill(32, 1)));
    }

    [Theory]
    [InlineData(32, 3), InlineData(64, 1), InlineData(1024, 2), InlineData(19456, 2)]
    public void Our_Argon2id_is_the_reference_one(int memoryKiB, int passes)
    {
        var reference = new Argon2Parameters.Builder(Argon2Parameters.Argon2id).WithVersion(Argon2Parameters.Version13)
            .WithMemoryAsKB(memoryKiB).WithIterations(passes).WithParallelism(1).WithSalt(Fill(16, 2)).Build();
        var ours = new byte[32];
        PinHash.Argon2id("4826"u8, Fill(16, 2), new PinCost(memoryKiB, passes), ours);
        Assert.Equal(Reference(reference, "4826"u8.ToArray()), Convert.ToHexStringLower(ours));
    }

    [Fact]
    public void A_PIN_matches_only_whole_and_under_its_pepper()
    {
        var hash = PinHash.Make("482617"u8, Fill(16, 2), new PinCost(32, 1), Fill(32, 9));
        Assert.True(hash.Matches("482617"u8, Fill(32, 9)));
        Assert.False(hash.Matches("48261"u8, Fill(32, 9)));
        Assert.False(hash.Matches("4826170"u8, Fill(32, 9)));
        Assert.False(hash.Matches("482617"u8, Fill(32, 8)));
        Assert.False(hash.Matches(""u8, Fill(32, 9)));
    }

    [Theory]
    [InlineData("1234"), InlineData("4321"), InlineData("0000"), InlineData("7890"), InlineData("2109"), InlineData("1357"), InlineData("1212"), InlineData("123123")]
    [InlineData("1221"), InlineData("2580"), InlineData("11111111"), InlineData("12345678"), InlineData("1004"), InlineData("159753")]
    public void PINs_that_are_guessed_first_are_weak(string pin) => Assert.True(WeakPins.Contains(Encoding.ASCII.GetBytes(pin)));

    [Theory]
    [InlineData("4826"), InlineData("9071"), InlineData("482617"), InlineData("39052816")]
    public void Other_PINs_are_not(string pin) => Assert.False(WeakPins.Contains(Encoding.ASCII.GetBytes(pin)));

    [Fact]
    public void The_list_leaves_most_PINs_to_choose_from()
    {
        var weak = Enumerable.Range(0, 10_000).Count(n => WeakPins.Contains(Encoding.ASCII.GetBytes(n.ToString("D4", System.Globalization.CultureInfo.InvariantCulture))));
        Assert.InRange(weak, 200, 400);
    }

    private static string CodeOf(HashAlgorithmName hash, byte[] key, long counter, int digits)
    {
        var code = new byte[digits];
        Hotp.Write(hash, key, counter, code);
        return Encoding.ASCII.GetString(code);
    }

    private static FactorContext At(DateTimeOffset now) => new(now, CallId.New(), null);

    private static byte[] Seed(int size) => Encoding.ASCII.GetBytes(string.Concat(Enumerable.Repeat("1234567890", 7))[..size]);

    private static byte[] Fill(int size, byte value) => [.. Enumerable.Repeat(value, size)];

    private static string Reference(Argon2Parameters parameters, byte[] password)
    {
        var generator = new Argon2BytesGenerator();
        generator.Init(parameters);
        var hash = new byte[32];
        generator.GenerateBytes(password, hash);
        return Convert.ToHexStringLower(hash);
    }
}

import com.llmprices.v1.CalculateChargeRequest;
import com.llmprices.v1.PricingServiceGrpc;
import com.llmprices.v1.Usage;
import com.llmprices.v1.UsageFormat;
import io.grpc.Grpc;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;

/** Calculates a charge from a provider's answer: ADDRESS FILE. */
class FirstChargeFromUsage {
  public static void main(String[] args) throws IOException {
    // The answer as it came. With anthropic-java it is
    // ObjectMappers.jsonMapper().writeValueAsString(message).
    var answer = Files.readString(Path.of(args[1]));

    var channel = Grpc.newChannelBuilder(args[0], Credentials.fromEnvironment()).build();
    var pricing = PricingServiceGrpc.newBlockingStub(channel);
    var charge =
        pricing
            .withDeadlineAfter(5, TimeUnit.SECONDS)
            .calculateCharge(
                CalculateChargeRequest.newBuilder()
                    .setChargeType("completion")
                    .setProvider("anthropic")
                    .setModel("claude-sonnet-4-5")
                    .setUsage(
                        Usage.newBuilder()
                            .setFormat(UsageFormat.USAGE_FORMAT_ANTHROPIC_MESSAGES)
                            .setRawJson(answer))
                    .setAccountUsageRatio("1")
                    .build());
    var rated = charge.getRatedUsage();
    System.out.printf(
        "charge: %s %s, findings: %d%n",
        charge.getAccountCharge(), charge.getCurrencyCode(), rated.getFindingsCount());
    for (var line : rated.getLinesList()) {
      var rate = line.getRate();
      System.out.printf(
          "%s: %s at %s per %d is %s%n",
          line.getBucket(), line.getQuantity(), rate.getRate(), rate.getPer(), line.getAmount());
    }
    channel.shutdown();
  }
}

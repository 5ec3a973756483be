import com.llmprices.v1.CalculateChargeRequest;
import com.llmprices.v1.PricingServiceGrpc;
import io.grpc.Grpc;
import java.io.IOException;
import java.util.concurrent.TimeUnit;

/** Calculates a charge of the example price book. */
class FirstCharge {
  public static void main(String[] args) throws IOException {
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
                    .setProviderCost("1000.00")
                    .setAccountUsageRatio("0.25")
                    .build());
    System.out.println("first charge: " + charge.getAccountCharge());
    channel.shutdown();
  }
}

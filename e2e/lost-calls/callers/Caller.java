import com.google.rpc.Status;
import com.llmprices.v1.AllocateChargesRequest;
import com.llmprices.v1.CalculateChargeRequest;
import com.llmprices.v1.PricingServiceGrpc;
import io.grpc.Grpc;
import io.grpc.InsecureChannelCredentials;
import io.grpc.StatusRuntimeException;
import io.grpc.protobuf.StatusProto;
import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import java.util.Scanner;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;

/** Calls again and again until its standard input ends: ADDRESS CHARGE WORST_CHARGE WORST_ALLOCATION. */
class Caller {
  private static final AtomicLong sent = new AtomicLong();
  private static final AtomicLong right = new AtomicLong();

  public static void main(String[] args) throws Exception {
    var channel = Grpc.newChannelBuilder(args[0], InsecureChannelCredentials.create()).build();
    var pricing = PricingServiceGrpc.newBlockingStub(channel);
    var charge = CalculateChargeRequest.parseFrom(HexFormat.of().parseHex(args[1]));
    var worstCharge = CalculateChargeRequest.parseFrom(HexFormat.of().parseHex(args[2]));
    var worstAllocation = AllocateChargesRequest.parseFrom(HexFormat.of().parseHex(args[3]));
    printFailure(() -> pricing.calculateCharge(worstCharge));
    printFailure(() -> pricing.allocateCharges(worstAllocation));
    for (var i = 0; i < 8; i++) new Thread(() -> callRepeatedly(pricing, charge)).start();
    for (var input = new Scanner(System.in); input.hasNextLine(); input.nextLine()) {
      System.out.println("right\t" + right);
    }
    System.exit(0);
  }

  private static void callRepeatedly(
      PricingServiceGrpc.PricingServiceBlockingStub pricing, CalculateChargeRequest charge) {
    while (true) {
      var cost = sent.incrementAndGet();
      var request = charge.toBuilder().setProviderCost(String.valueOf(cost)).build();
      printFailure(
          () -> {
            var answer = pricing.withDeadlineAfter(10, TimeUnit.SECONDS).calculateCharge(request);
            if (answer.getAccountCharge().equals(String.valueOf(2 * cost))) right.incrementAndGet();
            else System.out.println("wrong\t" + cost + "\t" + answer.getAccountCharge());
          });
    }
  }

  private static void printFailure(Runnable call) {
    try {
      call.run();
    } catch (StatusRuntimeException error) {
      var text = new StringBuilder(String.valueOf(error.getStatus().getDescription()));
      for (var cause = error.getCause(); cause != null; cause = cause.getCause()) {
        text.append(", caused by ").append(cause);
      }
      Status status = StatusProto.fromThrowable(error);
      var details = status.getDetailsCount() == 0 ? new byte[0] : status.toByteArray();
      var textBytes = text.toString().getBytes(StandardCharsets.UTF_8);
      var code = error.getStatus().getCode().value();
      System.out.printf(
          "failed\t%d\t%s\t%s%n",
          code, HexFormat.of().formatHex(details), HexFormat.of().formatHex(textBytes));
      try {
        Thread.sleep(20);
      } catch (InterruptedException interrupted) {
        throw new IllegalStateException(interrupted);
      }
    }
  }
}

import com.llmprices.v1.AllocationTerms;
import com.llmprices.v1.AllocationUsage;
import com.llmprices.v1.PricingServiceGrpc.PricingServiceStub;
import com.llmprices.v1.StreamAllocateChargesRequest;
import com.llmprices.v1.StreamAllocateChargesResponse;
import io.grpc.Status;
import io.grpc.stub.StreamObserver;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/** Splits costs over a stream. */
record Allocations(PricingServiceStub pricing, String name) {

  /** A cost of 80 over three equal accounts, sent in two messages. */
  void allocate() throws InterruptedException {
    var answers = new Answers();
    var requests = pricing.withDeadlineAfter(1, TimeUnit.MINUTES).streamAllocateCharges(answers);
    var first = StreamAllocateChargesRequest.newBuilder().setTerms(terms());
    requests.onNext(first.addAccountUsages(usage("alice")).addAccountUsages(usage("bob")).build());
    requests.onNext(
        StreamAllocateChargesRequest.newBuilder().addAccountUsages(usage("carol")).build());
    requests.onCompleted();
    answers.isOver.await();
    if (answers.error != null) throw new IllegalStateException(answers.error);
    Scenario.printStep("allocate", answers.seen.toArray());
  }

  /** Keeps an allocation open for longer than it may take. */
  void keepOpen() throws InterruptedException {
    var answers = new Answers();
    var hasty = pricing.withDeadlineAfter(300, TimeUnit.MILLISECONDS);
    var requests = hasty.streamAllocateCharges(answers);
    requests.onNext(StreamAllocateChargesRequest.newBuilder().setTerms(terms()).build());
    answers.isOver.await();
    Scenario.printStep("deadline", Status.fromThrowable(answers.error).getCode());
  }

  private AllocationTerms terms() {
    return AllocationTerms.newBuilder()
        .setChargeType(name)
        .setProvider(name)
        .setModel("model-1")
        .setProviderCost("80")
        .setCurrencyCode("USD")
        .build();
  }

  private static AllocationUsage usage(String account) {
    return AllocationUsage.newBuilder().setAccountId(account).setUsage("1").build();
  }

  /** Collects what a stream answers. */
  private static class Answers implements StreamObserver<StreamAllocateChargesResponse> {
    final List<String> seen = new ArrayList<>();
    final CountDownLatch isOver = new CountDownLatch(1);
    Throwable error;

    @Override
    public void onNext(StreamAllocateChargesResponse part) {
      for (var charge : part.getAccountChargesList()) {
        seen.add(charge.getAccountId() + " " + charge.getAccountCharge());
      }
      if (part.hasTotals()) seen.add("total " + part.getTotals().getTotalCharge());
    }

    @Override
    public void onError(Throwable error) {
      this.error = error;
      isOver.countDown();
    }

    @Override
    public void onCompleted() {
      isOver.countDown();
    }
  }
}

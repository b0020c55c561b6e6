# SPDX-License-Identifier: Apache-2.0
"""What the codes of the audit log are called; a step of a case by its case type's own name for it."""

from __future__ import annotations

from collections.abc import Mapping

from django.conf import settings
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from chengyun.city import City

__all__ = ["codes_of", "deed"]

DEEDS: Mapping[str, str | Promise] = {
    "read": _("查看"), "read.own": _("查看本人记录"), "export": _("导出"), "export.own": _("导出本人记录"),
    "sign_in": _("登录"), "sign_in.failed": _("登录失败"), "sign_out": _("退出登录"), "password.change": _("修改密码"),
    "second_factor.add": _("启用两步验证"), "second_factor.remove": _("停用两步验证"), "access.explain": _("查询访问决定"),
    "account.create": _("建立账号"), "account.invite": _("邀请账号"), "account.first_sign_in": _("首次登录"),
    "organisation.create": _("建立部门"), "assignment.create": _("任命岗位"), "assignment.end": _("免去岗位"),
    "grant.create": _("授权"), "grant.revoke": _("撤销授权"), "grant.end": _("授权到期"), "grant.deleted": _("确认已删除数据"),
    "token.create": _("发放密钥"), "token.create_own": _("建立自己的密钥"), "token.revoke": _("撤销密钥"),
    "token.revoke_own": _("撤销自己的密钥"), "area.load": _("导入区域"), "area.end": _("停用区域"),
    "register.load": _("导入登记"), "register.match": _("匹配登记"), "register.undo": _("撤回匹配"),
    "report.file": _("上报"), "report.accept": _("受理上报"), "report.refuse": _("不受理上报"), "report.ask": _("请上报人补充"),
    "report.separate": _("拆分上报"), "report.contradict": _("上报人有异议"), "report.withdraw_contact": _("撤回联系方式"),
    "case.open": _("立案"), "case.assign": _("分派案件"), "case.note": _("记录案件"), "case.supervise": _("督办案件"),
    "case.amend": _("更正案件"), "case.forward": _("转办案件"), "case.late": _("案件超时"), "case.due_soon": _("案件临近时限"),
    "alert.acknowledge": _("确认预警"), "alert.close": _("关闭预警"), "alert.silence": _("静默预警"),
    "alert.silence.end": _("结束静默"), "alert_plan.load": _("更新通知方案"), "alert_rule.test": _("回测规则"),
    "alert_rule.ask": _("提请审核规则"), "roster.make": _("建立值班表"), "roster.turns": _("排班"),
    "roster.remove": _("删去班次"), "roster.swap.ask": _("提出换班"), "duty.load": _("导入责任清单"),
    "duty.end": _("停用责任条目"),
    "board.saved": _("保存看板"), "board.retired": _("停用看板"), "board.restored": _("恢复看板"),
    "board.annotated": _("批注看板"),
    "board.note_withdrawn": _("撤回批注"), "board.exported": _("导出看板"), "board.sent": _("寄送看板"),
    "board.scheduled": _("定期寄送看板"), "board.unscheduled": _("停止寄送看板"),
    "source.add": _("新建数据源"), "source.change": _("修改数据源"), "source.remove": _("删除数据源"),
    "source.decide": _("处理来源变化"), "source.credentials": _("更换来源凭证"), "source.gone": _("数据源中断"),
    "device.register": _("登记设备"), "device.enrol": _("加入现场设备"), "device.revoke": _("撤销现场设备"),
    "device.change": _("修改设备"), "device.bind": _("绑定设备"), "device.claim": _("认领设备"),
    "device.claim_code": _("发放认领码"), "device.credential": _("更换设备凭证"), "device.command": _("向设备发指令"),
    "device.calibrate": _("校准设备"), "device.firmware": _("更新设备固件"), "device.quarantine": _("隔离设备"),
    "device.release": _("解除设备隔离"), "device.retire": _("停用设备"), "device.topic": _("配置主题"),
    "dead_letter.retry": _("重试问题数据"), "dead_letter.drop": _("放弃问题数据"),
    "quality.repair": _("修正数据"), "quality.undo": _("撤回修正"), "quality.dismiss": _("忽略质量问题"),
    "form.load": _("上传表单"), "form.design": _("设计表单"), "form.publish": _("发布表单"), "form.retire": _("停用表单"),
    "form.assign": _("派发表单"), "form.fill": _("填报表单"), "form.review": _("审核填报"), "form.prefill": _("预填表单时读取"),
    "form.connect": _("连接表单"), "form.bind": _("绑定表单字段"), "burden.export": _("导出填报负担"),
    "catalogue.propose": _("提出目录修改"), "catalogue.submit": _("提交目录审核"), "catalogue.discard": _("放弃目录修改"),
    "catalogue.provider": _("修改提供方"), "catalogue.harvest": _("采集目录"),
    "correction.report": _("提出校核反馈"), "correction.answer": _("答复校核反馈"),
    "exchange.party": _("加入共享方"), "exchange.party_ended": _("终止共享方"), "exchange.target": _("登记推送地址"),
    "question.ask": _("本人提问"), "identity.link": _("关联身份"), "identity.unlink": _("解除身份关联"),
    "pseudonym.ask": _("申请还原化名"), "pseudonym.agree": _("同意还原化名"), "pseudonym.refuse": _("不同意还原化名"),
    "pseudonym.turn_back": _("还原化名"), "embargo.impose": _("暂缓公开"), "embargo.end": _("结束暂缓公开"),
    "evaluation.counted": _("计算评价"), "evaluation.published": _("发布评价"), "evaluation.exported": _("导出评价"),
    "statistics.exported": _("导出统计"), "target.load": _("导入规划目标"), "target.link": _("关联规划目标"),
    "target.report": _("填报目标数值"), "decision.draft": _("起草决策"), "decision.decide": _("作出决策"),
    "decision.expect": _("写下预期"), "decision.evidence": _("补充依据"), "decision.evaluate": _("评估效果"),
    "decision.review": _("复盘决策"), "decision.conclude": _("得出结论"), "decision.drop": _("删去预期"),
    "whatif.run": _("推演"), "crew.manage": _("维护班组"), "crew.shift": _("班组排班"), "crew.plan": _("编排出工"),
    "crew.pin": _("固定任务"), "component.inspect": _("巡检部件"), "component.census": _("导入部件普查"),
    "component.end": _("注销部件"), "grid.assign": _("分配网格"), "field.assign": _("派发现场任务"),
    "hotline.call": _("登记来电"), "hotline.call_back": _("回访来电"), "article.write": _("编写知识条目"),
    "network.load": _("导入路网"), "category.train": _("训练分类"), "dead_letter.erase": _("清除问题数据"),
    "lake.retired": _("删去过期月份的数据"), "lake.restored": _("恢复数据的旧版本"), "lake.moved": _("移动归档数据"),
    "alert_delivery.retry": _("重发通知"), "alert_delivery.drop": _("放弃通知"),
    "source.pause": _("暂停数据源"), "source.resume": _("恢复数据源"), "second_factor.failed": _("两步验证失败"),
    "admin.add": _("在管理页新增"), "admin.change": _("在管理页修改"), "admin.delete": _("在管理页删除"),
    "catalogue.accept": _("同意目录修改"), "catalogue.return": _("退回目录修改"),
    "catalogue.element_propose": _("提出数据元修改"), "catalogue.element_discard": _("放弃数据元修改"),
    "catalogue.element_accept": _("同意数据元修改"), "catalogue.element_return": _("退回数据元修改"),
    "catalogue.harvest_address": _("登记目录采集地址"), "catalogue.harvest_remove": _("删除目录采集地址"),
    "catalogue.harvest_pause": _("暂停目录采集"), "catalogue.harvest_resume": _("恢复目录采集"),
    "catalogue.list.add": _("列入清单"), "catalogue.list.strike": _("移出清单"), "catalogue.list.settle": _("审定清单条目"),
    "federation.neighbour": _("接入相邻节点"), "federation.paused": _("暂停相邻节点"), "federation.resumed": _("恢复相邻节点"),
    "federation.asked": _("向相邻节点申请"), "federation.completed": _("补正跨节点申请"),
    "roster.swap.agree": _("同意换班"), "roster.swap.refuse": _("不同意换班"),
    "register.merge": _("合并登记"), "register.split": _("拆分登记"), "register.succeed": _("承继登记"),
    "register.apart": _("确认不是同一对象"), "ngsild.retry": _("重发 NGSI-LD 通知"), "wall.sync": _("同步行级权限"),
    "wall.let_in": _("放行数据库账号"), "key.rotate": _("更换密钥"), "key.lost": _("声明密钥失窃"),
    "federation.succeeded": _("相邻节点更换密钥"), "federation.key_lost": _("相邻节点密钥失窃"),
    "alert_rule.draft": _("规则退回草稿"), "alert_rule.tested": _("规则已回测"), "alert_rule.probation": _("规则转入试运行"),
    "alert_rule.live": _("规则转为正式"), "alert_rule.demoted": _("规则降级"), "alert_rule.withdrawn": _("规则撤下"),
    "request.draft": _("起草共享申请"), "request.change": _("修改共享申请"), "request.submit": _("提交共享申请"),
    "request.return": _("退回共享申请"), "request.agree": _("提供部门同意共享"), "request.approve": _("同意共享申请"),
    "request.refuse": _("不同意共享申请"), "request.withdraw": _("撤回共享申请"), "request.expire": _("共享授权到期"),
    "request.renew": _("续期共享授权"), "request.revoke": _("撤销共享授权"), "request.escalate": _("共享申请超期转办"),
    "request.suspend": _("暂停共享授权"), "request.resume": _("恢复共享授权"),
}  # fmt: skip


def deed(code: str) -> str:
    """Return what was done, in the page's language; the code itself where it has no words."""
    if code in DEEDS:
        return str(DEEDS[code])
    names = _steps()
    return gettext(names[code]) if code in names else code


def codes_of(words: str) -> list[str]:
    """Return the codes whose words, in the page's language, hold these."""
    known = {code: str(said) for code, said in DEEDS.items()} | {code: gettext(name) for code, name in _steps().items()}
    return [code for code, said in known.items() if words.casefold() in said.casefold()]


def _steps() -> dict[str, str]:
    city: City = settings.CITY
    return {f"case.{step.key}": step.name for declared in city.cases.values() for step in declared.transitions}

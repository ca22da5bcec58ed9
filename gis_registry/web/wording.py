"""What pages call the states, operations and roles of the code: Chinese, English."""

STATES = {
    "active": ("在用", "in use"),
    "retired": ("已拆除", "retired"),
    "withdrawn": ("已撤销登记", "registration withdrawn"),
}
OPERATIONS = {
    "registered": ("登记", "registered"),
    "edited": ("更正", "edited"),
    "moved": ("移位", "moved"),
    "retired": ("拆除", "retired"),
    "changed": ("信息变更", "attributes changed"),
    "reclassified": ("改归类别", "reclassified"),
    "migrated": ("换版编码", "moved to another edition"),
    "withdrawn": ("撤销登记", "withdrawn"),
    "restored": ("恢复", "restored"),
}
ALIAS_KINDS = {
    "identifier": ("标识码", "identifier"),
    "tag": ("标牌", "tag"),
    "qr": ("二维码", "QR code"),
    "contractor_key": ("普查单位编号", "contractor's key"),
}
RELATIONS = {
    "replaced_by": ("替换为", "replaced by"),
    "split_into": ("拆分为", "split into"),
    "merged_into": ("合并为", "merged into"),
    "replaces": ("替换了", "replaces"),
    "split_from": ("拆分自", "split from"),
    "merged_from": ("合并自", "merged from"),
    "reclassified": ("改归类别", "reclassified"),
    "migrated": ("换版编码", "moved to another edition"),
}
UNIT_ROLES = {
    "supervisor": ("主管部门", "Supervisor"),
    "owner": ("权属单位", "Owner"),
    "maintainer": ("养护单位", "Maintainer"),
}
ROLES = {
    "administrator": ("管理员", "administrator"),
    "analyst": ("数据分析员", "analyst"),
    "inspector": ("巡查员", "inspector"),
    "dispatcher": ("派遣员", "dispatcher"),
    "unit": ("处置单位", "unit"),
    "reader": ("查阅者", "reader"),
}
#: Kinds of collections; the classes, of which there are very many, come last.
GROUPS = {
    "components": ("城市部件", "Components"),
    "layers": ("专题数据", "Thematic layers"),
    "places": ("区划与网格", "Places"),
    "cases": ("案件与线索", "Cases and violations"),
    "classes": ("按部件小类", "Components by class"),
}
#: Where a collection leads to.
LINKS = {
    "items": ("要素", "Features"),
    "http://www.opengis.net/def/rel/ogc/1.0/queryables": ("属性与筛选", "Properties"),
    "http://www.opengis.net/def/rel/ogc/1.0/tilesets-vector": ("矢量瓦片", "Vector tiles"),
}
#: Values of properties of features, and the properties that have them.
CHOICES = {
    **STATES,
    "city": ("市", "city"),
    "district": ("区（市）", "district"),
    "subdistrict": ("街道（镇）", "subdistrict"),
    "community": ("社区", "community"),
}
CHOSEN = ("state", "level")
#: Attribute of the shipped schemas and samples → its Chinese name; others are shown as they are.
ATTRIBUTES = {
    "road": "所在道路",
    "state": "部件状态",
    "material": "材质",
    "note": "备注",
    "source_key": "原始编号",
    "lamp_no": "灯杆编号",
    "lamp_count": "灯头数量",
    "power_w": "功率（瓦）",
    "height_m": "高度（米）",
    "length_m": "长度（米）",
    "width_m": "宽度（米）",
    "depth_m": "深度（米）",
    "diameter_m": "直径（米）",
    "diameter_mm": "直径（毫米）",
}
#: Code of an error → what its page says in Chinese; the English is the error's own title.
PROBLEMS = {
    "invalid-input": "输入的内容无法使用",
    "too-many-streams": "实时连接过多",
    "too-busy": "同时请求过多",
    "font-missing": "缺少中文字体",
    "invalid-position": "位置不在本市范围内",
    "bad-request": "无法理解该请求",
    "unsupported-media-type": "不支持该内容类型",
    "too-many-requests": "请求过多",
    "unreadable-file": "文件无法读取",
    "missing-crs": "文件未说明坐标系",
    "invalid-profile": "城市配置无法使用",
    "unusable-photo": "照片无法使用",
    "not-found": "没有找到",
    "unknown-class": "没有这个部件小类",
    "unknown-matter-type": "没有这个事项类型",
    "unknown-identifier": "本市从未发放过这个标识码",
    "conflict": "与当前状态不符",
    "ambiguous": "对应多个部件",
    "outdated": "期间已被他人修改",
    "serials-exhausted": "该区划内此小类的顺序号已用完",
    "not-authenticated": "需要有效的密钥",
    "not-permitted": "您的角色没有此权限",
    "method-not-allowed": "此地址不支持该操作",
    "request-too-large": "提交的内容过大",
    "database-unavailable": "数据库暂时没有响应",
    "database-unsuitable": "数据库尚未准备好",
    "photo-store-unavailable": "照片存储暂时没有响应",
    "server-programs-missing": "缺少数据库服务程序",
    "took-too-long": "查询耗时过长",
}
DEFAULT_PROBLEM = "系统无法完成此操作"
